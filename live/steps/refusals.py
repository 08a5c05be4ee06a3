"""Steps that ask for what must be refused. What is granted all the same is undone at once."""

from live.connection import Who
from live.tour import Impossible, Tour

# A name that nobody gives to a Space.
ABSENT = "no-such-space-5b1f0c"


def hardware(tour: Tour) -> None:
    """Ask for the cheapest paid hardware, only where the Hub says that the account cannot pay."""
    profile = tour.profile
    if profile.can_pay is not False:
        known = "can pay" if profile.can_pay else "may be able to pay"
        raise Impossible(f"the account {known}, so no paid hardware is asked for")
    if not profile.paid_flavor:
        raise Impossible("the price list has no paid hardware")
    tour.undo["hardware"] = lambda: _back(tour)
    answer = tour.post("/hardware", "paid hardware without a payment method", body={"flavor": profile.paid_flavor})
    if not 400 <= answer.status < 500:
        _back(tour)
    del tour.undo["hardware"]


def sleep_time(tour: Tour) -> None:
    """Ask for a sleep time on free hardware."""
    before = tour.profile.sleep_time
    seconds = {"seconds": -1 if before is None else before}
    tour.undo["sleep time"] = lambda: tour.connection.ask("POST", tour.path("/sleeptime"), body=seconds)
    answer = tour.post("/sleeptime", "a sleep time on free hardware", body={"seconds": 3600})
    if answer.status < 400:
        tour.undo["sleep time"]()
    del tour.undo["sleep time"]


def bad_token(tour: Tour) -> None:
    """Look with a token that no Hub knows."""
    tour.get("/runtime", "a look with an unknown token", who=Who.STRANGER)
    tour.note("whoami with an unknown token", tour.connection.ask("GET", "/api/whoami-v2", who=Who.STRANGER))


def absent(tour: Tour) -> None:
    """Ask for a Space that does not exist."""
    path = f"/api/spaces/{tour.profile.owner}/{ABSENT}"
    for who, words in ((Who.OWNER, "with a token"), (Who.ANONYMOUS, "without a token")):
        for rest in ("", "/runtime"):
            answer = tour.connection.ask("GET", path + rest, who=who)
            tour.note(f"a Space that does not exist, {words}{rest and ', its runtime'}", answer)
    tour.note("a pause without a token", tour.connection.ask("POST", tour.path("/pause"), who=Who.ANONYMOUS))


def _back(tour: Tour) -> None:
    """Pause the Space and ask for free hardware again, so that nothing is billed."""
    tour.say("The Hub has granted paid hardware: the tour pauses the Space and asks for free hardware again.")
    for rest, body in (("/pause", None), ("/hardware", {"flavor": tour.profile.hardware})):
        tour.connection.ask("POST", tour.path(rest), body=body)

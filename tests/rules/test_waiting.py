"""The rules of waiting: each sentence of the contract's section "Waiting" has at least one row here."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.operations.watching import watch
from hf_action.rules.outcomes import Outcome
from hf_action.rules.pace import LOG_AFTER, NO_EVENTS, Events, Quota, fair_share, interval, worth_a_log
from hf_action.rules.stages import STAGES, Kind, kind_of, stage_of
from hf_action.rules.waiting import Goal, Observation, Verdict, judge
from simhub.clock import FakeClock

OLD, NEW, NEWER = "0" * 40, "1" * 40, "2" * 40

RESTART = Goal(
    stages=frozenset({"RUNNING"}), began=0.0, deadline=1800.0, before="RUNNING", commit="auto", head=NEW, settle=60.0
)
WAIT = replace(RESTART, acted=False)
ON_T4 = replace(RESTART, hardware="t4-small")
HEALTHY = replace(RESTART, health=True)


def look(at: float, stage: str | None, commit: str | None = None, head: str | None = NEW, **rest) -> Observation:
    return Observation(at=at, stage=stage, commit=commit, head=head, **rest)


def verdict(goal: Goal, *history: Observation, now: float | None = None) -> str | None:
    found = judge(goal, history, history[-1].at if now is None else now)
    return found.outcome.word if found else None


# (the sentence it stands for, goal, history, verdict at the time of the last look)
ROWS = [
    # A stage is believed when a look since the step's own action saw a moving stage, ...
    ("moving was seen", RESTART, [look(1, "RUNNING_BUILDING", OLD), look(9, "RUNNING", NEW)], "ok"),
    ("an unknown stage moves too", RESTART, [look(1, "WARMING_UP"), look(9, "RUNNING", NEW)], "ok"),
    # ... or the stage differs from the one before, ...
    ("another stage than before", replace(RESTART, before="PAUSED"), [look(1, "RUNNING", NEW)], "ok"),
    ("back at the stage before, by way of another", RESTART, [look(1, "PAUSED"), look(9, "RUNNING", NEW)], "ok"),
    # ... or when settle has passed.
    ("settle has not passed", RESTART, [look(59.9, "RUNNING", NEW)], None),
    ("settle has passed", RESTART, [look(60, "RUNNING", NEW)], "ok"),
    ("no settling asked for", replace(RESTART, settle=0.0), [look(0, "RUNNING", NEW)], "ok"),
    ("settle counts from when the action was sent", replace(RESTART, began=100.0), [look(159, "RUNNING", NEW)], None),
    ("settle has passed since the action was sent", replace(RESTART, began=100.0), [look(160, "RUNNING", NEW)], "ok"),
    # This keeps a gate from passing on the old build, and from failing on the old error.
    ("the stale success", RESTART, [look(n, "RUNNING", NEW) for n in range(0, 60, 5)], None),
    ("the stale failure", replace(RESTART, before="BUILD_ERROR"), [look(1, "BUILD_ERROR"), look(50, "BUILD_ERROR")], None),
    ("the stale pause", replace(RESTART, before="PAUSED"), [look(1, "PAUSED"), look(50, "PAUSED")], None),
    # 1. ok: a target stage, believed, the wanted commit running, ...
    ("auto: the head", RESTART, [look(1, "BUILDING"), look(9, "RUNNING", NEW)], "ok"),
    ("auto: an older commit", RESTART, [look(1, "BUILDING"), look(9, "RUNNING", OLD)], None),
    ("auto: no commit reported", RESTART, [look(1, "BUILDING"), look(9, "RUNNING")], "ok"),
    ("auto: no head known", replace(RESTART, head=None), [look(1, "BUILDING"), look(9, "RUNNING", OLD, None)], "ok"),
    ("head: no commit reported", replace(RESTART, commit="head"), [look(1, "BUILDING"), look(9, "RUNNING")], None),
    ("head: the head", replace(RESTART, commit="head"), [look(1, "BUILDING"), look(9, "RUNNING", NEW)], "ok"),
    ("any: an older commit", replace(RESTART, commit="any"), [look(1, "BUILDING"), look(9, "RUNNING", OLD)], "ok"),
    ("a commit by its beginning", replace(RESTART, commit="1" * 7), [look(1, "BUILDING"), look(9, "RUNNING", NEW)], "ok"),
    ("a whole commit", replace(RESTART, commit=NEW), [look(1, "BUILDING"), look(9, "RUNNING", NEW)], "ok"),
    ("not that commit yet", replace(RESTART, commit=NEW), [look(1, "BUILDING"), look(9, "RUNNING", OLD)], None),
    # ... on the wanted hardware, with no other asked for, ...
    ("no hardware named: any", RESTART, [look(1, "BUILDING"), look(9, "RUNNING", NEW, hardware="a100-large")], "ok"),
    ("the wanted hardware", ON_T4, [look(1, "BUILDING"), look(9, "RUNNING", NEW, hardware="t4-small")], "ok"),
    ("the wanted hardware, as asked for", ON_T4, [look(1, "BUILDING"), look(9, "RUNNING", NEW, hardware="t4-small", requested_hardware="t4-small")], "ok"),
    ("the wanted hardware, about to change", ON_T4, [look(1, "BUILDING"), look(9, "RUNNING", NEW, hardware="t4-small", requested_hardware="a100-large")], None),
    ("other hardware", ON_T4, [look(1, "BUILDING"), look(9, "RUNNING", NEW, hardware="cpu-basic")], None),
    ("the wanted hardware is only asked for", ON_T4, [look(1, "BUILDING"), look(9, "RUNNING", NEW, hardware="cpu-basic", requested_hardware="t4-small")], None),
    # ... the app answering where a health check was asked for, ...
    ("the app answers", HEALTHY, [look(1, "BUILDING"), look(9, "RUNNING", NEW, health_problem="")], "ok"),
    ("the app does not answer", HEALTHY, [look(1, "BUILDING"), look(9, "RUNNING", NEW, health_problem="status 502")], None),
    ("the app was not asked yet", HEALTHY, [look(1, "BUILDING"), look(9, "RUNNING", NEW)], None),
    ("no health check asked for", RESTART, [look(1, "BUILDING"), look(9, "RUNNING", NEW, health_problem="status 502")], "ok"),
    # ... held for stable-for.
    ("not held yet", replace(RESTART, stable_for=10.0), [look(1, "BUILDING"), look(9, "RUNNING", NEW), look(18, "RUNNING", NEW)], None),
    ("held", replace(RESTART, stable_for=10.0), [look(1, "BUILDING"), look(9, "RUNNING", NEW), look(19, "RUNNING", NEW)], "ok"),
    (
        "held again after a break",
        replace(RESTART, stable_for=10.0),
        [look(1, "BUILDING"), look(9, "RUNNING", NEW), look(15, "APP_STARTING"), look(19, "RUNNING", NEW)],
        None,
    ),
    (
        "held across an unanswered look",
        replace(RESTART, stable_for=10.0),
        [look(1, "BUILDING"), look(9, "RUNNING", NEW), look(15, None), look(19, "RUNNING", NEW)],
        "ok",
    ),
    (
        "the old commit holds nothing",
        replace(RESTART, stable_for=10.0),
        [look(1, "BUILDING"), look(2, "RUNNING", OLD), look(19, "RUNNING", NEW)],
        None,
    ),
    # A wait that finds a target stage with the wanted commit already running needs no settling.
    ("wait: the head runs", WAIT, [look(0, "RUNNING", NEW)], "ok"),
    ("wait: that commit runs", replace(WAIT, commit=NEW), [look(0, "RUNNING", NEW)], "ok"),
    ("wait: the old commit runs", WAIT, [look(0, "RUNNING", OLD)], None),
    ("wait: nobody says which commit runs", WAIT, [look(0, "RUNNING")], None),
    ("wait: any commit, so nothing is proven", replace(WAIT, commit="any"), [look(0, "RUNNING", NEW)], None),
    ("wait: no head to compare with", replace(WAIT, head=None), [look(0, "RUNNING", OLD, None)], None),
    ("wait: still settles on other grounds", replace(WAIT, commit="any"), [look(60, "RUNNING", NEW)], "ok"),
    ("a restart settles although the head runs", RESTART, [look(0, "RUNNING", NEW)], None),
    # 2. failed: a believed broken stage that is not a target, ...
    ("broken after moving", RESTART, [look(1, "BUILDING"), look(9, "BUILD_ERROR"), look(19, "BUILD_ERROR")], "failed"),
    ("broken is the target", replace(RESTART, stages=frozenset({"BUILD_ERROR"})), [look(1, "BUILDING"), look(9, "BUILD_ERROR")], "ok"),
    ("broken for longer than settle", replace(RESTART, before="BUILD_ERROR"), [look(50, "BUILD_ERROR"), look(60, "BUILD_ERROR")], "failed"),
    # ... or a believed resting stage that is not a target.
    ("resting after moving", RESTART, [look(1, "BUILDING"), look(9, "SLEEPING"), look(19, "SLEEPING")], "failed"),
    ("resting unlike before", RESTART, [look(1, "PAUSED"), look(11, "PAUSED")], "failed"),
    ("resting for longer than settle", replace(WAIT, before="SLEEPING"), [look(0, "SLEEPING"), look(60, "SLEEPING")], "failed"),
    # ... seen for ten seconds without a break (for settle, if that is less).
    ("broken for nine seconds", RESTART, [look(1, "BUILDING"), look(9, "BUILD_ERROR"), look(18.9, "BUILD_ERROR")], None),
    ("broken, then building again", RESTART, [look(1, "BUILDING"), look(9, "BUILD_ERROR"), look(15, "BUILDING"), look(20, "BUILD_ERROR")], None),
    ("broken across a look without an answer", RESTART, [look(1, "BUILDING"), look(9, "BUILD_ERROR"), look(15, None), look(19, "BUILD_ERROR")], "failed"),
    ("settle is less than ten seconds", replace(RESTART, settle=3.0), [look(1, "BUILDING"), look(9, "BUILD_ERROR"), look(12, "BUILD_ERROR")], "failed"),
    ("paused for nine seconds", RESTART, [look(1, "PAUSED"), look(10, "PAUSED")], None),
    # 3. superseded: an explicit commit was asked for, another one is live, and it is the repository's head.
    ("superseded", replace(RESTART, commit=NEW), [look(1, "BUILDING"), look(9, "RUNNING", NEWER, NEWER, knows_commit=True)], "superseded"),
    ("superseded by its beginning", replace(WAIT, commit=NEW[:7]), [look(9, "RUNNING", NEWER, NEWER, knows_commit=True)], "superseded"),
    ("the repository does not know the commit", replace(WAIT, commit=NEW), [look(9, "RUNNING", NEWER, NEWER, knows_commit=False)], None),
    ("nobody could say whether it knows it", replace(WAIT, commit=NEW), [look(9, "RUNNING", NEWER, NEWER)], None),
    ("another is live but not the head", replace(RESTART, commit=NEW), [look(1, "BUILDING"), look(9, "RUNNING", OLD)], None),
    ("the Hub names neither commit nor head", replace(RESTART, commit=NEW), [look(9, "RUNNING", None, None)], None),
    ("another head is starting", replace(RESTART, commit=NEW), [look(9, "RUNNING_APP_STARTING", NEWER, NEWER)], None),
    ("another head is not live yet", replace(RESTART, commit=NEW), [look(9, "RUNNING_BUILDING", OLD, NEWER)], None),
    # With auto or head, a newer head that went live is ok.
    ("auto: a newer head", RESTART, [look(1, "BUILDING"), look(9, "RUNNING", NEWER, NEWER)], "ok"),
    ("head: a newer head", replace(RESTART, commit="head"), [look(1, "BUILDING"), look(9, "RUNNING", NEWER, NEWER)], "ok"),
    # 4. timed-out: the budget is spent.
    ("the budget is spent while moving", RESTART, [look(1800, "BUILDING")], "timed-out"),
    ("the budget is spent while unbelieved", replace(RESTART, settle=9999.0), [look(1800, "RUNNING", NEW)], "timed-out"),
    ("reached with the last look", RESTART, [look(1, "BUILDING"), look(1800, "RUNNING", NEW)], "ok"),
    # 5. unreachable: no good answer for five minutes on end, ...
    ("four minutes of silence", RESTART, [look(1, "BUILDING"), look(10, None), look(250, None)], None),
    ("five minutes of silence", RESTART, [look(1, "BUILDING"), look(10, None), look(310, None)], "unreachable"),
    ("silence with an answer between", RESTART, [look(10, None), look(200, "BUILDING"), look(310, None)], None),
    # ... or the budget ended so.
    ("the budget ends in silence", RESTART, [look(1, "BUILDING"), look(1800, None)], "unreachable"),
    ("the budget ends before any answer", RESTART, [look(1800, None)], "unreachable"),
    # Single bad answers are looked past.
    ("one bad answer", RESTART, [look(1, "BUILDING"), look(5, None), look(9, "RUNNING", NEW)], "ok"),
]


@pytest.mark.parametrize(("goal", "history", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_sentence_of_the_contract(goal, history, expected):
    """A row is a goal, the looks so far, and the verdict that the contract gives."""
    assert verdict(goal, *history) == expected


@pytest.mark.parametrize("target", sorted(STAGES))
@pytest.mark.parametrize("stage", [*sorted(STAGES), "NEVER_HEARD_OF"])
def test_each_stage_crossed_with_each_target(stage, target):
    """A believed stage is ok as the target, fails when it is broken or resting, and is waited on otherwise."""
    goal = replace(RESTART, stages=frozenset({target}), commit="any", before="SOMETHING_ELSE")
    ends = {Kind.MOVING: None, Kind.LIVE: None, Kind.RESTING: "failed", Kind.BROKEN: "failed"}
    assert verdict(goal, look(1, stage), look(11, stage)) == ("ok" if stage == target else ends[kind_of(stage)])


@pytest.mark.parametrize("stage", [stage for stage in STAGES if kind_of(stage) in (Kind.RESTING, Kind.BROKEN)])
def test_a_failure_names_a_remedy(stage):
    """Each stage that ends a wait tells what was seen and what to do."""
    message = judge(RESTART, [look(1, "BUILDING"), look(2, stage), look(12, stage)], 12.0).message
    assert stage in message
    assert len(message) > len(f"{stage} instead of RUNNING. ") + 20


STATUS = "See https://status.huggingface.co and run the step again"
BUILT = look(1, "BUILDING")
MESSAGES = [
    # How it ended well.
    (RESTART, [BUILT, look(9, "RUNNING", NEW)], "RUNNING on commit 1111111"),
    (RESTART, [BUILT, look(9, "RUNNING")], "RUNNING"),
    # Another push went live.
    (
        replace(RESTART, commit=NEW),
        [look(9, "RUNNING", NEWER, NEWER, knows_commit=True)],
        "RUNNING on commit 2222222, the repository's head, instead of 1111111. "
        "Another push went live; gate on that commit, or set commit: head to accept it",
    ),
    # The wrong stage.
    (
        replace(RESTART, stages=frozenset({"SLEEPING", "RUNNING"})),
        [BUILT, look(9, "PAUSED"), look(19, "PAUSED")],
        "PAUSED instead of RUNNING or SLEEPING. It stays so until somebody restarts it; operation restart would",
    ),
    # Silence: the last reason is told.
    (
        RESTART,
        [look(10, None, problem="reset"), look(99, None, problem="timeout"), look(310, None, problem="refused")],
        f"the Hub gave no usable answer for five minutes (last: refused). {STATUS}",
    ),
    (RESTART, [look(10, None), look(310, None)], f"the Hub gave no usable answer for five minutes (last: nothing). {STATUS}"),
    (
        RESTART,
        [look(1700, None, problem="reset"), look(1750, None, problem="timeout"), look(1800, None, problem="refused.")],
        f"the budget ended without an answer from the Hub (refused). {STATUS}",
    ),
    # A spent budget tells an unreached stage, a missing commit, other hardware, a silent app, a broken hold and a
    # missing move apart.
    (
        replace(RESTART, stages=frozenset({"SLEEPING", "RUNNING"})),
        [look(1800, "BUILDING")],
        "BUILDING when the budget ended, not RUNNING or SLEEPING. "
        "Nothing was undone: the Space goes on; give more timeout, or look at its log",
    ),
    (
        replace(RESTART, commit=NEW, head=NEWER),
        [look(1800, "RUNNING", OLD)],
        "RUNNING on commit 0000000 when the budget ended, still not on commit 1111111. "
        "Check that the push arrived and that its build did not fail",
    ),
    (
        RESTART,
        [look(1800, "RUNNING", OLD)],
        "RUNNING on commit 0000000 when the budget ended, still not on commit 1111111. "
        "Check that the push arrived and that its build did not fail",
    ),
    (
        replace(RESTART, commit="head"),
        [look(1800, "RUNNING")],
        "RUNNING when the budget ended, but the Hub does not say which commit is running, so commit 1111111 cannot be "
        "confirmed. Set commit: any where this is usual, as for static Spaces",
    ),
    (
        replace(RESTART, commit="head", head=None),
        [look(1800, "RUNNING")],
        "RUNNING when the budget ended, but the Hub does not say which commit is running, so the head cannot be "
        "confirmed. Set commit: any where this is usual, as for static Spaces",
    ),
    (
        ON_T4,
        [look(1800, "RUNNING", NEW, hardware="cpu-basic")],
        "RUNNING on commit 1111111 when the budget ended, but on cpu-basic, not t4-small. "
        "Machines may be short; give more timeout",
    ),
    (
        ON_T4,
        [look(1800, "RUNNING", NEW)],
        "RUNNING on commit 1111111 when the budget ended, but on no hardware, not t4-small. "
        "Machines may be short; give more timeout",
    ),
    (
        HEALTHY,
        [look(1800, "RUNNING", NEW, health_problem="status 502")],
        "RUNNING on commit 1111111 when the budget ended, but the app does not answer (status 502). "
        "Look at its log, or give more timeout",
    ),
    (
        replace(HEALTHY, stable_for=99999.0),
        [look(1800, "RUNNING", NEW, health_problem="")],
        "RUNNING on commit 1111111 when the budget ended, without having held it for 99999 s. "
        "Give more timeout, or look at its log",
    ),
    (
        replace(RESTART, settle=99999.0),
        [look(1800, "RUNNING", NEW)],
        "RUNNING on commit 1111111 when the budget ended, without having moved since the step began. "
        "Give more timeout than settle (99999 s)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("goal", "history", "message"), MESSAGES)
def test_every_end_says_what_was_seen_and_what_to_do(goal, history, message):
    """Each way in which waiting ends has its own sentence, which names what was missing."""
    assert judge(goal, history, history[-1].at).message == message


def test_a_budget_too_short_for_a_look_says_so():
    """A deadline that has passed before the first look still has a verdict, which does not blame the Hub."""
    assert judge(RESTART, [], 1800.0) == Verdict(
        Outcome.TIMED_OUT, "the budget ended before there was time for a look", "Give more timeout"
    )


# ---- properties ----

stages = st.sampled_from([*STAGES, "NEVER_HEARD_OF"])
commits = st.sampled_from([None, OLD, NEW, NEWER])
looks = st.builds(look, at=st.just(0.0), stage=stages, commit=commits, head=st.sampled_from([NEW, NEWER]))
silences = st.builds(look, at=st.just(0.0), stage=st.none())
any_look = st.one_of(looks, silences)
goals = st.builds(
    Goal,
    stages=st.frozensets(stages, min_size=1, max_size=3),
    began=st.just(0.0),
    deadline=st.floats(1.0, 4000.0),
    before=stages,
    commit=st.sampled_from(["auto", "head", "any", NEW, OLD[:7]]),
    head=st.sampled_from([None, NEW]),
    settle=st.sampled_from([0.0, 30.0, 60.0, 500.0]),
    stable_for=st.sampled_from([0.0, 20.0]),
    acted=st.booleans(),
)


@st.composite
def histories(draw, elements=any_look):
    """Some looks at growing times."""
    at, history = 0.0, []
    for one in draw(st.lists(elements, min_size=1, max_size=12)):
        at += draw(st.floats(0.5, 400.0))
        history.append(replace(one, at=at))
    return history


def play(goal: Goal, history: list[Observation]) -> tuple[Verdict, int] | None:
    """Judge after each look, as watch does: the first verdict, and after how many looks it came."""
    for count in range(1, len(history) + 1):
        found = judge(goal, history[:count], history[count - 1].at)
        if found:
            return found, count
    return None


@given(goals, histories())
def test_never_ok_while_another_commit_is_known_to_run(goal, history):
    """Whatever was seen before, ok means that the last look did not name another commit than the wanted one."""
    found = judge(goal, history, history[-1].at)
    last = history[-1]
    if found and found.outcome is Outcome.OK and last.commit and goal.commit != "any":
        wanted = {"auto": (goal.head, last.head), "head": (goal.head, last.head)}.get(goal.commit, (goal.commit,))
        assert goal.head is None or any(last.commit.startswith(commit) for commit in wanted if commit)


@given(goals, histories())
def test_never_ok_or_failed_on_an_unbelieved_stage(goal, history):
    """A verdict on a stage needs a move, another stage, settle, or (for a mere wait) the wanted commit running."""
    found = judge(goal, history, history[-1].at)
    if found is None or found.outcome not in (Outcome.OK, Outcome.FAILED):
        return
    answered = [one for one in history if one.stage]
    moved = any(kind_of(one.stage) is Kind.MOVING or one.stage != goal.before for one in answered)
    settled = answered[-1].at >= goal.settle
    proven = not goal.acted and found.outcome is Outcome.OK and answered[-1].commit and goal.commit != "any"
    assert moved or settled or proven


@given(goals, histories(), st.floats(0.0, 1000.0))
def test_always_a_verdict_by_the_deadline(goal, history, late):
    """Once the deadline has come there is a verdict, even where there was no look at all."""
    now = max(goal.deadline, history[-1].at) + late
    assert judge(goal, history, now)
    assert judge(goal, [], now)


@given(goals, histories())
def test_the_same_history_always_gives_the_same_verdict(goal, history):
    """Judging is a function of its arguments."""
    now = history[-1].at
    assert judge(goal, history, now) == judge(replace(goal), list(map(replace, history)), now)


@given(goals, histories(elements=looks), st.data())
def test_unanswered_looks_never_turn_a_verdict_into_its_opposite(goal, history, data):
    """Silences put in anywhere may delay a verdict or end the patience, but ok never becomes failed or the reverse."""
    at = data.draw(st.integers(0, len(history)))
    when = history[at].at if at < len(history) else history[-1].at + 1.0
    silent = data.draw(st.lists(silences, max_size=4))
    broken = [*history[:at], *(replace(one, at=when) for one in silent), *history[at:]]
    before, after = play(goal, history), play(goal, broken)
    opposites = {Outcome.OK: {Outcome.FAILED, Outcome.SUPERSEDED}, Outcome.FAILED: {Outcome.OK}}
    if before and after:
        assert after[0].outcome not in opposites.get(before[0].outcome, set())


# ---- watching ----


def run_watch(goals: dict[str, Goal], script, *, pace: float = 5.0) -> tuple[dict[str, Verdict], list[float]]:
    """Watch Spaces whose look at a time is `script(space, now)`; return verdicts and the times of the rounds."""
    clock, rounds, verdicts = FakeClock(), [], {}

    def observe(spaces):
        rounds.append(clock.now())
        return {space: script(space, clock.now()) for space in spaces}

    watch(
        goals,
        {space: [] for space in goals},
        observe=observe,
        conclude=verdicts.__setitem__,
        pace=lambda spaces: pace,
        clock=clock,
    )
    return verdicts, rounds


def test_watching_many_asks_only_for_the_open_ones():
    """Each Space ends by itself, and one that has ended is not looked at again."""
    asked = []

    def script(space, now):
        asked.append(space)
        return look(now, "RUNNING", NEW) if now >= {"a": 10, "b": 30}[space] else look(now, "BUILDING")

    verdicts, _ = run_watch({"a": RESTART, "b": RESTART}, script)
    assert {space: found.outcome for space, found in verdicts.items()} == {"a": Outcome.OK, "b": Outcome.OK}
    assert (asked.count("a"), asked.count("b")) == (3, 7)


def test_the_last_look_comes_before_the_deadline_and_none_after():
    """A long interval does not swallow the end of the budget, and the verdict comes with the deadline."""
    goal = replace(RESTART, deadline=12.0)
    verdicts, rounds = run_watch({"a": goal}, lambda space, now: look(now, "BUILDING"), pace=5.0)
    assert (rounds, verdicts["a"].outcome) == ([0.0, 5.0, 10.0, 11.0], Outcome.TIMED_OUT)


def test_a_success_between_two_looks_is_found_by_the_last_one():
    """What is reached just before the budget ends counts."""
    goal = replace(RESTART, deadline=100.0)
    script = lambda space, now: look(now, "RUNNING", NEW) if now > 90 else look(now, "BUILDING")  # noqa: E731
    assert run_watch({"a": goal}, script, pace=60.0)[0]["a"].outcome is Outcome.OK


def test_a_look_due_at_the_deadline_is_made_before_it():
    """An answer to a look at the very end of the budget would come too late."""
    goal = replace(RESTART, deadline=12.0)
    assert run_watch({"a": goal}, lambda space, now: look(now, "BUILDING"), pace=6.0)[1] == [0.0, 6.0, 11.0]


def test_the_pace_is_that_of_the_open_ones():
    """A Space that has ended has no say in when the next look is."""
    paces, clock = [], FakeClock()
    script = {"a": "RUNNING", "b": "BUILDING"}

    def pace(spaces):
        paces.append(tuple(spaces))
        return 400.0

    watch(
        {"a": replace(RESTART, settle=0.0), "b": RESTART},
        {"a": [], "b": []},
        observe=lambda spaces: {space: look(clock.now(), script[space], NEW) for space in spaces},
        conclude=lambda space, verdict: None,
        pace=pace,
        clock=clock,
    )
    assert set(paces) == {("b",)}


def test_watching_nothing_ends_at_once():
    """A step whose Spaces have all ended already does not sleep."""
    assert run_watch({}, None) == ({}, [])


# ---- the pace ----


# What the Hub's streams may have shown so far.
OPEN = Events(heard=True)
ANNOUNCED = replace(OPEN, announced=True)
NAMED = replace(OPEN, named=True)
WITNESSED = replace(NAMED, log_open=True)
AHEAD = replace(OPEN, ahead=0.0)
WORTHS = [NO_EVENTS, OPEN, ANNOUNCED, NAMED, WITNESSED, replace(WITNESSED, announced=True), AHEAD, replace(AHEAD, ahead=99.0)]


@given(histories(), st.sampled_from(WORTHS), st.floats(0.0, 1.0))
def test_the_interval_is_some_seconds_and_honours_what_the_hub_asks(history, events, chance):
    """Looks are neither frantic nor forgotten, and a wait that the Hub asks for is kept."""
    history[-1] = replace(history[-1], retry_after=77.0 if history[-1].stage is None else None)
    settled = replace(RESTART, settle=0.0)
    seconds = interval(settled, history, history[-1].at, events=events, chance=chance)
    assert seconds == 77.0 if history[-1].stage is None else 2.0 <= seconds <= 1.1 * (90.0 if events.log_open else 45.0)  # as 45 and its tenth are rounded


@pytest.mark.parametrize(
    ("stage", "lasts", "seconds"),
    [
        # Quick after news, then a twelfth of the time that the stage has lasted ...
        ("BUILDING", 0.0, 2.0),
        ("BUILDING", 24.0, 2.0),
        ("RUNNING_BUILDING", 60.0, 5.0),
        # ... up to twelve seconds for a build, and four for anything else.
        ("BUILDING", 144.0, 12.0),
        ("RUNNING_BUILDING", 1200.0, 12.0),
        ("APP_STARTING", 24.0, 2.0),
        ("APP_STARTING", 36.0, 3.0),
        ("APP_STARTING", 48.0, 4.0),
        ("RUNNING_APP_STARTING", 1200.0, 4.0),
        ("NEVER_HEARD_OF", 1200.0, 4.0),
    ],
)
def test_the_interval_grows_while_a_stage_lasts(stage, lasts, seconds):
    """What is noticed late is late by a small part of the time it took."""
    history = [look(1.0, "PAUSED"), look(10.0, stage), look(10.0 + lasts / 2, None), look(10.0 + lasts, stage)]
    assert interval(RESTART, history, 10.0 + lasts) == pytest.approx(seconds)


@pytest.mark.parametrize(("stage", "seconds"), [("BUILDING", 30.0), ("RUNNING_BUILDING", 30.0), ("APP_STARTING", 10.0)])
def test_while_the_hub_tells_of_changes_looks_are_rare(stage, seconds):
    """A look now and then is enough to find out that it has stopped telling."""
    assert interval(RESTART, [look(0.0, stage)], 0.0, events=ANNOUNCED) == seconds


@pytest.mark.parametrize(
    ("stage", "lasts", "seconds"),
    [("BUILDING", 0.0, 2.0), ("BUILDING", 70.0, 10.0), ("BUILDING", 1200.0, 45.0), ("APP_STARTING", 1200.0, 4.0)],
)
def test_while_it_may_tell_a_long_build_is_looked_at_less(stage, lasts, seconds):
    """An open stream may be silent for ever: what it costs then is a seventh of the time that a build took."""
    history = [look(0.0, stage), look(lasts, stage)]
    assert interval(RESTART, history, lasts, events=OPEN) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("stage", "lasts", "events", "seconds"),
    [
        # Two streams would tell the end of a build: a quarter of its age, 45 s at least, 90 s at most.
        ("BUILDING", 10.0, WITNESSED, 45.0),
        ("RUNNING_BUILDING", 240.0, WITNESSED, 60.0),
        ("BUILDING", 1200.0, WITNESSED, 90.0),
        ("BUILDING", 1200.0, replace(WITNESSED, announced=True), 90.0),
        # Of no other stage: an app that starts writes no build log.
        ("APP_STARTING", 1200.0, WITNESSED, 4.0),
        ("APP_STARTING", 1200.0, replace(WITNESSED, announced=True), 10.0),
        # One of them is not enough: as while the events may come, or have told of a change.
        ("BUILDING", 1200.0, replace(WITNESSED, log_open=False), 45.0),
        ("BUILDING", 70.0, replace(WITNESSED, log_open=False), 10.0),
        ("BUILDING", 1200.0, replace(WITNESSED, named=False), 45.0),
        ("BUILDING", 1200.0, replace(WITNESSED, named=False, announced=True), 30.0),
        # Nor are both, where nobody listens any more.
        ("BUILDING", 1200.0, replace(WITNESSED, heard=False), 12.0),
        # Events that were right are ahead of the runtime for a moment: soon again, then less and less often.
        ("BUILDING", 1200.0, replace(AHEAD, ahead=0.0), 2.0),
        ("BUILDING", 1200.0, replace(AHEAD, ahead=5.0), 5.0),
        ("BUILDING", 1200.0, replace(AHEAD, ahead=500.0), 45.0),
        ("BUILDING", 1200.0, replace(AHEAD, ahead=500.0, announced=True), 30.0),
        ("APP_STARTING", 1200.0, replace(AHEAD, ahead=3.0, announced=True), 3.0),
    ],
)
def test_a_pause_is_as_long_as_the_streams_are_worth(stage, lasts, events, seconds):
    """What they have shown so far decides, and nothing that they say."""
    assert interval(RESTART, [look(0.0, stage), look(lasts, stage)], lasts, events=events) == pytest.approx(seconds)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("events", WORTHS)
@pytest.mark.parametrize("stage", ["BUILDING", "RUNNING_BUILDING", "APP_STARTING"])
def test_no_pause_is_longer_than_what_is_promised(stage, events, chance):
    """45 s and the tenth of chance; 90 s where two streams would end it, and then no more than a quarter of its age."""
    for lasts in range(0, 5000, 7):
        seconds = interval(RESTART, [look(0.0, stage), look(float(lasts), stage)], float(lasts), events=events, chance=chance)
        witnessed = events.named and events.log_open
        assert 2.0 <= seconds <= 1.1 * (max(min(lasts / 4, 90.0), 45.0) if witnessed else 45.0)


@pytest.mark.parametrize(
    ("history", "events", "worth"),
    [
        ([look(0.0, "BUILDING"), look(LOG_AFTER, "BUILDING")], NAMED, True),
        ([look(0.0, "BUILDING"), look(LOG_AFTER - 1, "BUILDING")], NAMED, False),
        ([look(0.0, "APP_STARTING"), look(LOG_AFTER, "APP_STARTING")], NAMED, False),
        ([look(0.0, "BUILD_ERROR"), look(LOG_AFTER, "BUILD_ERROR")], NAMED, False),
        ([look(0.0, "BUILDING"), look(LOG_AFTER, "BUILDING")], ANNOUNCED, False),
        ([look(0.0, "BUILDING"), look(LOG_AFTER, None)], NAMED, False),
    ],
)
def test_the_log_of_a_build_is_worth_a_request_beside_events_that_name_the_stage(history, events, worth):
    """Not of a short build, and not where the looks would stay as many."""
    assert worth_a_log(history, history[-1].at, events=events) is worth


def test_nothing_tells_when_an_app_begins_to_answer():
    """A health check is made as often as without events."""
    starting = [look(1, "BUILDING"), look(9, "APP_STARTING")]
    assert interval(HEALTHY, [*starting, look(15, "RUNNING", NEW, health_problem="503")], 15.0, events=ANNOUNCED) == 2.0
    assert interval(HEALTHY, starting, 9.0, events=ANNOUNCED) == 10.0
    holding = replace(RESTART, stable_for=60.0)
    assert interval(holding, [*starting, look(15, "RUNNING", NEW)], 15.0, events=ANNOUNCED) == 10.0


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 12.0), (0.5, 12.6), (1.0, 13.2)])
def test_the_interval_is_spread_by_chance(chance, seconds):
    """Steps that a schedule begins in the same second do not look in the same second, and none looks more often."""
    history = [look(0.0, "BUILDING"), look(600.0, "BUILDING")]
    assert interval(RESTART, history, 600.0, chance=chance) == pytest.approx(seconds)


@pytest.mark.parametrize("events", WORTHS)
@pytest.mark.parametrize(
    ("goal", "history", "seconds"),
    [
        # settle ends in a second: an unmoved stage is believed then
        (RESTART, [look(59.0, "RUNNING", NEW)], 1.0),
        (replace(RESTART, before="BUILD_ERROR"), [look(59.5, "BUILD_ERROR")], 0.5),
        # stable-for ends in a second
        (replace(RESTART, stable_for=10.0), [look(1, "BUILDING"), look(20, "RUNNING", NEW), look(29, "RUNNING", NEW)], 1.0),
    ],
)
def test_a_look_falls_on_the_moment_that_decides(goal, history, seconds, events):
    """What only has to last is confirmed as soon as it has lasted."""
    assert interval(goal, history, history[-1].at, events=events) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("left", "renewed_in", "requests", "seconds"),
    [
        (1000, 300.0, 1, 0.6),  # half of the quota, spread over the rest of the window
        (1000, 300.0, 10, 6.0),
        (20, 100.0, 1, 10.0),
        (3, 100.0, 1, 100.0 / 1.5),
        (2, 100.0, 1, 100.0),
        (1, 100.0, 1, 100.0),  # nothing to share: not before it is given again
        (0, 55.0, 1, 55.0),
        (20, 100.0, 11, 100.0),
        (5, 0.0, 1, 0.0),
    ],
)
def test_looks_leave_half_of_the_quota_to_others(left, renewed_in, requests, seconds):
    """A token is seldom used by one step alone."""
    assert fair_share(Quota(left=left, renewed_in=renewed_in), requests=requests) == pytest.approx(seconds)


def test_a_hub_that_names_no_quota_sets_no_pace():
    """As an older Hub, or before its first answer."""
    assert fair_share(None, requests=1) == 0.0


@pytest.mark.parametrize(("failures", "seconds"), [(1, 2.0), (2, 4.0), (3, 8.0), (4, 16.0), (5, 30.0), (6, 30.0), (2000, 30.0)])
@pytest.mark.parametrize("before", [[], [look(1, None), look(2, "RUNNING")]])
def test_the_interval_grows_with_each_unanswered_look(before, failures, seconds):
    """A Hub that does not answer is asked ever less often, but every half minute at least; an answer starts it again."""
    history = [*before, *(look(float(n), None) for n in range(3, 3 + failures))]
    assert interval(RESTART, history, history[-1].at) == seconds


def test_a_wait_asked_for_by_the_hub_never_shortens_the_interval():
    """`Retry-After: 1` after many failures does not invite the step to ask every second."""
    history = [look(float(n), None, retry_after=1.0) for n in range(4)]
    assert interval(RESTART, history, 4.0) == 16.0


@pytest.mark.parametrize("stage", [*sorted(STAGES), "NEVER_HEARD_OF"])
def test_what_is_billed(stage):
    """Paid hardware costs money while an app starts or runs, also while the next one is built beside it."""
    assert stage_of(stage).billed == (
        stage in {"APP_STARTING", "RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING"}
    )


@pytest.mark.parametrize(("at", "word"), [(59.0, None), (60.0, "failed")])
def test_where_no_build_will_come_the_hub_has_until_settle_to_name_the_commit(at, word):
    """Afterwards nothing would ever tell that the commit runs, so the wait ends before its budget."""
    assert verdict(WAIT, look(at, "RUNNING", OLD, no_build="Dev Mode is on")) == word


@pytest.mark.parametrize(("at", "word"), [(59.0, None), (60.0, "failed")])
def test_a_build_that_was_seen_does_not_shorten_that(at, word):
    """The stages have moved, so what the Hub says is news; it may still be slow to name the commit."""
    built = (look(1, "BUILDING"), look(5, "RUNNING", OLD, no_build="Dev Mode is on"))
    assert verdict(WAIT, *built, look(at, "RUNNING", OLD, no_build="Dev Mode is on")) == word


def test_what_rounding_leaves_of_an_interval_still_lets_time_pass():
    """A clock that cannot be moved by so little would show the same moment for ever."""
    slept = []

    class Clock:
        def now(self) -> float:
            return float(len(slept))

        def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    verdicts = {}
    watch(
        {"acme/demo": replace(WAIT, deadline=3.0)},
        {"acme/demo": []},
        observe=lambda spaces: dict.fromkeys(spaces, look(0, "BUILDING")),
        conclude=verdicts.__setitem__,
        pace=lambda _: 1e-14,
        clock=Clock(),
    )
    assert "acme/demo" in verdicts and min(slept) >= 0.00099

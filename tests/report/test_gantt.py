"""The diagram of stages as text; tests/browser has it drawn."""

import re

import pytest

from hf_action.report.gantt import Lane, draw
from hf_action.rules.results import Moment
from hf_action.rules.stages import STAGES


def lane(*moments: tuple[float, str], end: float, space: str = "acme/demo") -> Lane:
    return Lane(space=space, moments=tuple(Moment(at, stage) for at, stage in moments), end=end)


def lanes(count: int, end: float = 20.0) -> list[Lane]:
    return [lane((0, "RUNNING"), (1, "BUILDING"), (end - 5, "RUNNING"), end=end, space=f"a/{n:02}") for n in range(count)]


def body(text: str) -> str:
    """The diagram without the part that says how it looks."""
    return text.partition("\ngantt\n")[2]


def sizes(text: str) -> tuple[int, int]:
    left, right = re.search(r"leftPadding: (\d+), rightPadding: (\d+) }", text).groups()
    return int(left), int(right)


def test_each_stage_ends_where_the_next_begins():
    """In milliseconds; the last one as long as the step went on."""
    assert body(draw([lane((0, "PAUSED"), (1.25, "BUILDING"), (12, "RUNNING"), (13, "BUILD_ERROR"), end=20.0)])) == (
        "    title Stages, in seconds since the step began\n"
        "    dateFormat x\n"
        "    axisFormat %s\n"
        "    todayMarker off\n"
        "    section acme/demo\n"
        "    PAUSED :0, 1250\n"
        "    BUILDING :active, 1250, 12000\n"
        "    RUNNING :done, 12000, 13000\n"
        "    BUILD_ERROR :crit, 13000, 20000\n"
    )


def test_a_stage_that_ends_the_step_is_seen_too():
    """It is drawn as a fiftieth of the longest lane."""
    text = draw([lane((0, "BUILDING"), (20, "RUNNING"), end=20.0), lane((0, "BUILDING"), (90, "RUNNING"), end=100.0)])
    assert "RUNNING :done, 20000, 22000\n" in text and "RUNNING :done, 90000, 100000\n" in text


@pytest.mark.parametrize("end", [0.0, 0.99])
def test_a_moment_is_no_picture(end):
    """Nor is nothing at all."""
    assert draw([lane((0, "RUNNING"), (0, "PAUSED"), end=end)]) == draw([]) == ""


@pytest.mark.parametrize(
    ("end", "units", "last", "marks"),
    [
        (1.0, "seconds", 1000, True),
        (9.9, "seconds", 9900, True),
        (10.0, "seconds", 10000, False),
        (299.0, "seconds", 299000, False),
        (300.0, "minutes", 5000, True),
        (599.0, "minutes", 9983, True),
        (600.0, "minutes", 10000, False),
    ],
)
def test_long_steps_are_drawn_in_minutes(end, units, last, marks):
    """As if they were seconds; marks are set where Mermaid would set them at fractions."""
    text = draw([lane((0, "BUILDING"), (end / 2, "APP_STARTING"), end=end)])
    assert f"title Stages, in {units} since" in text and f"    APP_STARTING :active, {last / 2:.0f}, {last}\n" in text
    assert ("    tickInterval 1second\n" in text) is marks


def test_the_first_thirty_are_drawn():
    """The title says how many there are."""
    assert "title Stages, in" in draw(lanes(30)) and draw(lanes(30)).count("    section ") == 30
    assert "title Stages of 30 of 31 Spaces, in" in draw(lanes(31)) and draw(lanes(31)).count("    section ") == 30


def test_those_not_drawn_do_not_make_it_longer():
    """Who is left out at the end may have taken hours."""
    late = lane((0, "BUILDING"), end=9000.0)
    assert "in seconds" in draw([*lanes(30), late]) and "in minutes" in draw([*lanes(29), late])


def test_of_many_spaces_each_has_one_row():
    """What is too short for its name is only coloured, but for the last stage, whose name stands beside it."""
    few, many = draw(lanes(5)), draw(lanes(6))
    assert few.startswith("---\nconfig:\n") and many.startswith("---\ndisplayMode: compact\nconfig:\n")
    begins, rest = "    RUNNING :done, 0, 1000\n", "    BUILDING :active, 1000, 15000\n    RUNNING :done, 15000, 20000\n"
    assert body(few).endswith("".join(f"    section a/{n:02}\n{begins}{rest}" for n in range(5)))
    assert body(many).endswith("".join(f"    section a/{n:02}\n{begins.replace('RUNNING', '·')}{rest}" for n in range(6)))


def test_a_short_stage_is_only_coloured_however_late_it_comes():
    """It is its own length that counts."""
    assert "    · :active, 10000, 11000\n" in draw([lane((0, "BUILDING"), (10, "APP_STARTING"), (11, "RUNNING"), end=20.0)] * 6)


@pytest.mark.parametrize(("seconds", "label"), [(6.57, "·"), (6.59, "RUNNING")])
def test_a_name_is_shown_where_it_fits(seconds, label):
    """It takes 56 of the 851 pixels that the margins leave."""
    text = draw([lane((0, "RUNNING"), (seconds, "PAUSED"), end=100.0, space="a/b")] * 6)
    assert 960 - sum(sizes(text)) == 851
    assert f"    {label} :done, 0, {seconds * 1000:.0f}\n" in text


def test_margins_have_room_for_names():
    """On the left for the longest Space; on the right for the longest last stage and half of that, as Mermaid wants it."""
    assert sizes(draw([lane((0, "RUNNING"), end=9.0, space="a/b")])) == (41, 20 + 56)
    assert sizes(draw([lane((0, "RUNNING"), end=9.0, space="a/b"), lane((0, "BUILD_ERROR"), end=9.0, space="a/bcdefgh")])) == (83, 41 + 88)


@pytest.mark.parametrize(
    ("space", "section"),
    [
        ("a/b; click", "a/b click"),
        ("日本", "unnamed"),
        ("x:y#z", "x y z"),
        ("Zz-9._/", "Zz-9._/"),
        ("a/" + "b" * 28, "a/" + "b" * 28),
        ("a/" + "b" * 29, "a/" + "b" * 12 + "…" + "b" * 15),
        ("acme/image-generator-number-one-of-many-42", "acme/image-gen…-one-of-many-42"),
    ],
)
def test_the_name_of_a_space(space, section):
    """Without punctuation, of which Mermaid makes commands, and without its middle where it is long."""
    assert f"\n    section {section}\n" in draw([lane((0, "RUNNING"), end=9.0, space=space)])


@pytest.mark.parametrize(
    ("stage", "label"),
    [*((stage, stage) for stage in STAGES), ("WARMING_UP", "? WARMING_UP"), ("click: x", "? click x"), ("", "? unnamed"), ("X" * 31, "? " + "X" * 30)],
)
def test_the_name_of_a_stage(stage, label):
    """One that is not known is marked, and is never a command."""
    assert f"\n    {label} :" in draw([lane((0, stage), end=9.0)])

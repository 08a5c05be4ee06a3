"""The summary, looked at: real steps against the simulated Hub, shown in a browser as GitHub shows them."""

import re
from dataclasses import dataclass

import pytest

from hf_action.report.gantt import Lane, draw
from hf_action.rules.results import Moment
from simhub.faults import Fault, Kind
from simhub.scenarios import BUILD_FAILED, FAILED_BUILD_LOG, rebuild
from simhub.world import Phase, Space
from tests.browser.github import Theme
from tests.conftest import NEW, OLD

pytestmark = pytest.mark.browser

COLUMNS = ["Space", "Result", "Stage", "Commit", "Hardware", "Elapsed"]
BROKEN = (Phase(1, "BUILDING"), Phase(47, "BUILD_ERROR", error=f"{BUILD_FAILED} <img src=x> | `y`"))

# What an app may print to get out of its fence, or into the page.
HOSTILE = (
    "</code></pre></details><script>document.title = 'gone'</script><img src=x onerror=alert(1)>", "```", "~~~", "````mermaid", "gantt",
    "# heading", "| a | b |", "|---|---|", "<!-- x", "]]>", "\\`\\`\\`", "<iframe src=https://x.example></iframe>", "x" * 1000, "&lt;form&gt;",
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A stage in the diagram: where it begins and ends, from the left, and what stands on it or beside it."""

    begin: float
    end: float
    label: str


def table(page, number: int = 0) -> list[list[str]]:
    """The cells of a table, row by row, as the reader sees them."""
    return page.evaluate(
        "number => [...document.querySelectorAll('table')[number].rows].map(row => [...row.cells].map(cell => cell.innerText))", number
    )


def bars(page) -> list[Bar]:
    """The bars of the diagram, the earliest first."""
    found = page.evaluate(
        """[...document.querySelectorAll('.mermaid rect.task')].map(bar => {
            const box = bar.getBoundingClientRect()
            return [box.x, box.right, document.getElementById(bar.id + '-text').textContent.trim()]
        })"""
    )
    return [Bar(*one) for one in found]


def ticks(page) -> list[str]:
    """What stands at the axis."""
    return page.locator(".mermaid .tick text").all_text_contents()


def boxes(page, selector: str) -> list[dict]:
    """Where elements stand on the page."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)].map(one => {
            const { x, y, width, height } = one.getBoundingClientRect()
            return { x, y, width, height }
        })""",
        selector,
    )


def overlap(one: dict, other: dict) -> bool:
    """Whether two boxes have more than an edge in common."""
    apart = [
        one[start] + one[size] <= other[start] + 1 or other[start] + other[size] <= one[start] + 1
        for start, size in (("x", "width"), ("y", "height"))
    ]
    return not any(apart)


def is_legible(page) -> bool:
    """Whether no label of the diagram hides another, a name reaches into a bar, or anything leaves the picture."""
    labels, names = boxes(page, ".mermaid text[class*=task]"), boxes(page, ".mermaid .sectionTitle")
    rects, (picture,) = boxes(page, ".mermaid rect.task"), boxes(page, ".mermaid svg")
    written = labels + names
    inside = all(picture["x"] <= one["x"] and one["x"] + one["width"] <= picture["x"] + picture["width"] for one in written + rects)
    apart = not any(overlap(one, other) for number, one in enumerate(written) for other in written[:number])
    return inside and apart and not any(overlap(name, bar) for name in names for bar in rects)


def is_whole(page, selector: str = "table") -> bool:
    """Whether tables are seen without scrolling them."""
    return page.evaluate("selector => [...document.querySelectorAll(selector)].every(e => e.scrollWidth <= e.clientWidth)", selector)


def test_one_space_that_restarts_well(run, world, shown):
    """A table of one row, and a diagram in which each stage begins where the one before ended."""
    world.add(Space(id="acme/chat", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=10)}))
    page = shown(run("restart", "acme/chat", poll_interval="2s").summary)
    assert page.locator("h2").inner_text() == "✅ Restart of acme/chat: ok"
    assert table(page) == [COLUMNS, ["acme/chat", "✅ ok", "RUNNING", NEW[:7], "cpu-basic", "24s"]]
    drawn = bars(page)
    assert [bar.label for bar in drawn] == ["RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "RUNNING"]
    assert [bar.begin for bar in drawn[1:]] == pytest.approx([bar.end for bar in drawn[:-1]], abs=0.5)
    lengths = [bar.end - bar.begin for bar in drawn[:3]]
    assert lengths == pytest.approx([lengths[0], lengths[0], lengths[0] * 0.4], rel=0.1)
    assert ticks(page) == ["0", "5", "10", "15", "20"]
    assert is_legible(page) and is_whole(page)


def test_a_folded_part_opens_when_it_is_clicked(run, world, shown):
    """What was hidden is there, as a table."""
    world.add(Space(id="acme/chat", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=10)}))
    page = shown(run("restart", "acme/chat").summary)
    timeline = page.locator("table").nth(1)
    assert not timeline.is_visible()
    page.locator("summary").click()
    assert timeline.is_visible() and page.locator("details[open]").count() == 1
    assert table(page, 1)[0] == ["Space", "At", "Stage"] and len(table(page, 1)) == 5


def test_a_failure_with_a_hostile_log(run, world, shown):
    """The cause and a link that helps stand on top; the log is folded, and is nothing but text."""
    log = FAILED_BUILD_LOG + tuple((6.3, line) for line in HOSTILE)
    world.add(Space(id="acme/chat", commit=OLD, head=NEW, scripts={"restart": BROKEN}, build_log=log))
    page = shown(run("restart", "acme/chat").summary)
    said = page.locator("p").first
    assert said.inner_text().startswith("package-not-found: ERROR: No matching distribution found for torch==9.9")
    assert said.locator("a").get_attribute("href") == "https://huggingface.co/docs/hub/spaces-dependencies"
    assert [row[1:3] for row in table(page)] == [["Result", "Stage"], ["❌ failed · build log", "RUNNING → BUILD_ERROR (broken)"]]
    assert [bar.label for bar in bars(page)] == ["RUNNING", "BUILDING", "BUILD_ERROR"] and is_legible(page)
    folded = page.locator("details", has_text="Log of acme/chat")
    assert not folded.locator("pre").is_visible()
    folded.locator("summary").click()
    assert folded.locator("pre").is_visible()
    lines = folded.locator("pre").inner_text().removesuffix("\n").split("\n")
    assert folded.locator("summary").inner_text() == f"Log of acme/chat, last {len(lines)} lines"
    assert set(HOSTILE) <= set(lines)
    assert page.locator("table").count() == 2 and page.title() == ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the log scrolls inside of its box"


@pytest.fixture
def forty(world):
    """Forty Spaces: every fifth cannot be built or never ends building, one is static, the rest is well."""
    for number in range(40):
        restart = {0: (Phase(1, "BUILDING"),), 5: BROKEN}.get(number % 10, rebuild(stale=5 + number))
        about = {"sdk": "static", "hardware": None} if number == 7 else {"hardware": "t4-small" if number % 2 else "cpu-basic"}
        world.add(Space(id=f"acme/fleet-{number:02}", commit=OLD, head=NEW, scripts={"restart": restart}, build_log=FAILED_BUILD_LOG, **about))


def test_forty_spaces_with_mixed_results(run, forty, shown):
    """Each failure is told once, the worst is on top, and the diagram has one row a Space and says what it leaves out."""
    page = shown(run("restart", "acme/fleet-*", timeout="10m").summary)
    told = page.locator("body > ul > li").all_inner_texts()
    assert [re.match(r"(?:\S+) (?:acme/fleet-\d\d,? ?)+(?=:)", text)[0].split()[1:] for text in told] == [
        ["acme/fleet-05,", "acme/fleet-15,", "acme/fleet-25,", "acme/fleet-35"],
        ["acme/fleet-00,", "acme/fleet-10,", "acme/fleet-20,", "acme/fleet-30"],
    ]
    header, *rows = table(page)
    assert (header, len(rows)) == (COLUMNS, 40)
    assert [row[1].split()[1] for row in rows] == ["failed"] * 4 + ["timed-out"] * 4 + ["ok"] * 31 + ["skipped"]
    assert max(box["height"] for box in boxes(page, "body > table tr")) < 64, "a row has two lines at most"
    (picture,) = boxes(page, ".mermaid svg")
    assert picture["height"] < 1012, "no higher than it is wide"
    assert page.locator(".mermaid .titleText").text_content() == "Stages of 30 of 39 Spaces, in minutes since the step began"
    assert page.locator(".mermaid .sectionTitle").count() == 30
    assert ticks(page) == [str(minute) for minute in range(11)]
    assert len({round(box["y"]) for box in boxes(page, ".mermaid rect.task")}) == 30, "one row a Space"
    assert is_legible(page) and is_whole(page)


def test_a_very_long_id_and_a_stage_nobody_has_heard_of(run, world, shown):
    """The name loses its middle in the diagram, where it would hide the bars, and nowhere else; the stage is marked."""
    space = f"acme/{'a-very-long-name-of-a-space-' * 3}end"
    stages = (Phase(5, "RUNNING_BUILDING"), Phase(20, "RUNNING_WARMING_UP_THE_ACCELERATORS"), Phase(60, "BUILD_ERROR"))
    world.add(Space(id=space, commit=OLD, head=NEW, hardware="t4-small", scripts={"restart": stages}))
    page = shown(run("restart", space).summary)
    assert table(page)[1][0] == space
    assert page.locator(".mermaid .sectionTitle").all_text_contents() == ["acme/a-very-lo…-of-a-space-end"]
    assert [bar.label for bar in bars(page)] == ["RUNNING", "RUNNING_BUILDING", "? RUNNING_WARMING_UP_THE_ACCELER", "BUILD_ERROR"]
    assert is_legible(page) and is_whole(page)


def test_a_timeline_of_instants_has_no_picture(run, shown):
    """Bars of no length tell nothing; the table has the times."""
    page = shown(run("pause", "acme/demo").summary)
    assert not page.locator(".mermaid").count()
    page.locator("summary").click()
    assert table(page, 1)[1:] == [["acme/demo", "0.0s", "RUNNING"], ["acme/demo", "0.0s", "PAUSED"]]


def test_an_app_that_does_not_answer(run, world, hub, shown):
    """The stage is RUNNING and the step is not: the message says why."""
    world.add(Space(id="acme/chat", commit=OLD, head=NEW, scripts={"restart": rebuild(stale=10)}))
    hub.inject(Fault(kind=Kind.STATUS, status=503, path="/_apps/", times=None))
    page = shown(run("restart", "acme/chat", timeout="2m", health_check="/").summary)
    assert table(page)[1][1:3] == ["⏱️ timed-out · app log", "RUNNING"]
    assert "503" in page.locator("p").first.inner_text()
    assert [bar.label for bar in bars(page)] == ["RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "RUNNING"] and is_legible(page)


def test_many_paused_at_once_with_what_that_saves(run, world, shown):
    """Prices stand in the table and what is saved below it."""
    for number, hardware in enumerate(["cpu-basic", "t4-small", "a100-large"] * 2):
        world.add(Space(id=f"acme/fleet-{number}", head=NEW, hardware=hardware, scripts={"pause": (Phase(4, "PAUSED"),)}))
    page = shown(run("pause", "acme/fleet-*", poll_interval="1s").summary)
    assert [row[4] for row in table(page)[1:4]] == ["cpu-basic", "t4-small ($0.40/h)", "a100-large ($2.50/h)"]
    assert "$5.80 an hour no longer runs" in page.locator("p").nth(1).inner_text()
    assert page.locator(".mermaid .sectionTitle").count() == 6 and ticks(page) == ["0", "1", "2", "3", "4"]
    assert is_legible(page) and is_whole(page)


@pytest.mark.parametrize("words", [("restrat", "acme/demo", "--timeout=x"), ("restart", "acme/nowhere"), ("info", "acme/demo")], ids=lambda words: words[0])
def test_a_step_without_a_timeline(run, shown, words):
    """There is nothing to draw or to fold."""
    page = shown(run(*words).summary)
    assert not page.locator(".mermaid").count() and not page.locator("details").count() and page.locator("h2").count() == 1


@pytest.mark.parametrize("theme", Theme)
def test_labels_can_be_read_on_either_theme(run, world, shown, theme):
    """Whatever colour a bar has, labels are dark on the light page and light on the dark one."""
    world.add(Space(id="acme/chat", stage="PAUSED", commit=None, head=NEW, scripts={"restart": rebuild(stale=9)}))
    world.add(Space(id="acme/other", commit=OLD, head=NEW, scripts={"restart": BROKEN}))
    page = shown(run("restart", "acme/chat", "acme/other").summary, theme)
    colours = "[...document.querySelectorAll('.mermaid text[class*=task]')].map(e => getComputedStyle(e).fill)"
    for colour in page.evaluate(colours):
        brightness = sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3
        assert brightness < 80 if theme is Theme.LIGHT else brightness > 170, colour


# Where a line may begin with them, they are commands of Mermaid, or end the diagram.
WORDS = (
    "gantt", "title", "section", "dateFormat", "axisFormat", "tickInterval", "excludes", "includes", "todayMarker", "weekday", "weekend",
    "inclusiveEndDates", "topAxis", "click", "call", "href", "after", "until", "done", "active", "crit", "milestone", "vert", "accTitle",
    "accDescr", "end", "%%x", "---", "#35;", "2026-01-01", "1h", "x:y", "```mermaid", "</script>", "<b>x</b>",
)  # fmt: skip


def test_no_name_is_a_word_of_mermaid(shown):
    """Neither a Space nor a stage can break the diagram, or give it another meaning."""
    words = [*WORDS, *(word.upper() for word in WORDS), *(f"{word} x" for word in WORDS), *(f"{word}{{}}" for word in WORDS)]
    diagrams = [draw([Lane(space=word, moments=(Moment(0.0, word), Moment(5.0, "RUNNING")), end=9.0)]) for word in words]
    page = shown("x\n\n" + "\n".join(f"```mermaid\n{diagram}```\n" for diagram in diagrams))
    drawn = page.evaluate(
        """[...document.querySelectorAll('.mermaid')].map(one => {
            const bars = [...one.querySelectorAll('rect.task')]
            const text = selector => one.querySelector(selector).textContent
            return [bars.length, one.querySelectorAll('.sectionTitle').length, text('.titleText'), text('#' + CSS.escape(bars[0].id + '-text'))]
        })"""
    )
    for word, (stages, names, title, label) in zip(words, drawn, strict=True):
        assert (stages, names, title) == (2, 1, "Stages, in seconds since the step began"), word
        assert label.strip().startswith("? "), word

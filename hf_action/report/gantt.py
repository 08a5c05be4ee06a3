"""Draws the stages of Spaces over time as a Gantt diagram, in the language of Mermaid.

Looked at in a browser, light and dark (tests/browser), and shaped by what was seen there:
- With `dateFormat X` Mermaid takes the beginning of a bar for milliseconds and its end for seconds, so every bar would
  begin at 0. Here both are milliseconds, `x`.
- An axis in `%M:%S` is shifted in time zones of half an hour; only `%s` is not. So the minutes of a long step are drawn
  as if they were seconds, and the title says which they are.
- Colours let the background through, and labels have the theme's own colour, so they suit a light and a dark page.
- Labels on a bar's right end go to its left where Mermaid thinks that there is no room, which is a margin of more than
  half the left one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hf_action.rules.results import Moment
from hf_action.rules.stages import STAGES, Kind, kind_of

# Seconds that make a picture, and from which on minutes are easier to read.
SHORTEST, LONG = 1.0, 300.0
# Spaces that a reader still takes in, and of which every stage has a row, with room for its name.
MAX_DRAWN, FEW = 30, 5
# Characters of a name.
MAX_NAME = 30
# The part of the whole for which the last stage is drawn: it is seen only when the step ends.
STUB = 0.02
# Pixels of the whole on GitHub, and of a character of a name and of a label.
WIDTH, NAME, LABEL = 960, 7, 8

LOOKS = {Kind.MOVING: "active, ", Kind.LIVE: "done, ", Kind.RESTING: "", Kind.BROKEN: "crit, "}
FRONT = """---
{mode}config:
  gantt: {{ leftPadding: {left}, rightPadding: {right} }}
  themeCSS: "text[class*=task] {{ fill: inherit !important }} .tick line {{ opacity: 0.3 }}"
  themeVariables:
    {{ activeTaskBkgColor: "#388bfd55", activeTaskBorderColor: "#388bfd", doneTaskBkgColor: "#2da44e66",
      doneTaskBorderColor: "#2da44e", critBkgColor: "#f8514966", critBorderColor: "#f85149", taskBkgColor: "#8b949e66",
      taskBorderColor: "#8b949e", sectionBkgColor: "#8b949e1a", sectionBkgColor2: "#8b949e1a",
      altSectionBkgColor: "#8b949e00" }}
---
gantt
    title {title}
    dateFormat x
    axisFormat %s
    todayMarker off
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """What was seen of one Space, and the seconds since the step began when it was done with."""

    space: str
    moments: tuple[Moment, ...]
    end: float


def draw(lanes: Sequence[Lane]) -> str:
    """Return the text of a diagram, the first lanes on top; nothing where all was over in a moment."""
    drawn = lanes[:MAX_DRAWN]
    span = max((lane.end for lane in drawn), default=0.0)
    if span < SHORTEST:
        return ""
    unit, units = (60, "minutes") if span >= LONG else (1, "seconds")
    some = f" of {len(drawn)} of {len(lanes)} Spaces" if len(lanes) > len(drawn) else ""
    left = 20 + NAME * max(len(_name(lane.space)) for lane in drawn)
    right = left // 2 + LABEL * max(len(_label(lane.moments[-1].stage)) for lane in drawn)
    compact = len(drawn) > FEW
    text = FRONT.format(
        mode="displayMode: compact\n" if compact else "",
        left=left,
        right=right,
        title=f"Stages{some}, in {units} since the step began",
    )
    if span / unit < 10:  # else Mermaid would mark fractions, which `%s` does not show
        text += "    tickInterval 1second\n"
    character = LABEL * span / (WIDTH - left - right) if compact else 0.0
    return text + "".join(_section(lane, stub=STUB * span, character=character, unit=unit) for lane in drawn)


def _section(lane: Lane, *, stub: float, character: float, unit: int) -> str:
    """Return one Space. The last stage lasts `stub` seconds at least; a label needs `character` seconds a letter."""
    last = lane.moments[-1]
    ends = [moment.at for moment in lane.moments[1:]] + [max(lane.end, last.at + stub)]
    lines = [f"    section {_name(lane.space)}\n"]
    for moment, end in zip(lane.moments, ends, strict=True):
        label = _label(moment.stage)
        if moment is not last and end - moment.at < character * len(label):
            label = "·"  # it would stand on the next bar; Mermaid wants some text
        look = LOOKS[kind_of(moment.stage)]
        lines.append(f"    {label} :{look}{moment.at * 1000 / unit:.0f}, {end * 1000 / unit:.0f}\n")
    return "".join(lines)


def _name(space: str) -> str:
    """Return the name of a Space, without its middle where it is long: the ends tell Spaces apart."""
    name, half = _harmless(space), MAX_NAME // 2
    return name if len(name) <= MAX_NAME else f"{name[: half - 1]}…{name[-half:]}"


def _label(stage: str) -> str:
    """Return the name of a stage; one that is not known is marked, so that it is not a word of Mermaid either."""
    return stage if stage in STAGES else f"? {_harmless(stage)[:MAX_NAME]}"


def _harmless(text: str) -> str:
    """Keep only what Mermaid takes for a name."""
    return re.sub(r"[^A-Za-z0-9_./-]+", " ", text).strip() or "unnamed"

"""The terminal that a person watches: one line a Space, which moves while the Space does, and stays when it has ended.

This is the only module that imports rich, and it is itself imported only where a terminal, or FORCE_COLOR, asks for
it: everywhere else the lines of `runner.Log` are printed. What else is printed meanwhile appears above the lines that
move, since rich stands in for stdout as long as they do. NO_COLOR and TERM=dumb are rich's to obey.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from hf_action.clock import Clock
from hf_action.operations.progress import SpaceProgress, state
from hf_action.rules.findings import Mark
from hf_action.rules.results import Result, duration
from hf_action.rules.stages import Kind, kind_of
from hf_action.rules.waiting import lacking
from hf_action.runner.github import Runner
from hf_action.runner.log import Log

COLOURS = {Kind.MOVING: "yellow", Kind.LIVE: "green", Kind.RESTING: "blue", Kind.BROKEN: "red"}
LEVELS = {"error": "bold red", "warning": "yellow", "notice": "green"}
# How often the lines are drawn, a second.
REFRESHES = 8
# Lines of the terminal that are left to what comes below the Spaces.
FOOT = 2


# Colours of the marks of an examination.
MARKS = {Mark.OK: "green", Mark.WARNING: "yellow", Mark.PROBLEM: "bold red", Mark.UNKNOWN: "blue"}


def paint(lines: Sequence[tuple[Mark, str]]) -> str:
    """Return lines as a terminal takes them, each mark in its colour; a mark is the first character of a line."""
    console = Console(file=io.StringIO(), force_terminal=True)
    with console.capture() as captured:
        for mark, line in lines:
            sign = "" if line[:1].isspace() else line[:1]
            console.print(Text.assemble((sign, MARKS[mark]), line.removeprefix(sign)), soft_wrap=True)
    return captured.get().removesuffix("\n")


class Screen(Console):
    """A console that leaves the terminal as it was, whatever ends the process, and ends no process itself."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - as rich calls it
        """Never hide the cursor: a process that is killed could not bring it back."""
        return False

    def on_broken_pipe(self) -> None:
        """Go on: the reader of the log has gone, and the step has not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One Space, what was said of it last, and whether that was its end."""

    progress: SpaceProgress
    said: str
    ended: bool


class Terminal(Log):
    """A log whose lines about Spaces move. With colours wanted, but no terminal that can move them, they stay."""

    def __init__(self, *, clock: Clock, runner: Runner, began: float) -> None:
        super().__init__(clock=clock, runner=runner, began=began)
        self._rows: dict[str, Row] = {}
        self._over = False
        self._spinner = Spinner("dots")
        self._screen = Screen()
        self._live: Live | None = None
        runner.print_with(self._print)
        if runner.is_terminal and self._screen.is_interactive:
            # Here, where a signal is only remembered, nothing is left half done.
            self._live = Live(get_renderable=self._frame, console=self._screen, refresh_per_second=REFRESHES)
            try:
                self._live.start()
            except RuntimeError:  # the machine has no more threads; then the lines stay
                with suppress(Exception):
                    self._live.stop()
                self._live = None

    def progress(self, progress: SpaceProgress, text: str) -> None:
        """Have the line of a Space say something else; what is said after its end is a line of its own."""
        self._runner.recognize(progress.space)
        row = self._rows.get(progress.space)
        if self._live and not (row and row.ended):
            self._rows[progress.space] = Row(progress=progress, said=text, ended=progress.verdict is not None)
        else:
            super().progress(progress, text)

    def _print(self, text: str) -> None:
        """Print whole lines, which the terminal itself may break: a piece of one must not look like another line."""
        self._screen.print(Text(text.removesuffix("\n")), soft_wrap=True)

    def beat(self) -> None:
        """Be silent as well while a request takes long."""
        if not self._live:
            super().beat()

    def annotate(self, level: str, text: str) -> None:
        """Print one line in the colour of its level."""
        line = Text.assemble((f"{level}:", LEVELS[level]), " ", self._runner.plain(text))
        with suppress(OSError):
            self._screen.print(line, soft_wrap=True)

    def conclude(self, results: Sequence[Result], *, shown_again: bool = False) -> None:
        """Let the lines stay, in the order asked for, and print in full what has failed."""
        if not self._live:
            super().conclude(results, shown_again=shown_again)
            return
        untold = [one for one in results if one.status or one.space not in self._rows]
        self._live.transient = shown_again
        self._rows = (
            {} if shown_again else {one.space: self._rows[one.space] for one in results if one.space in self._rows}
        )
        self._over = True
        with suppress(Exception):  # neither a terminal that has gone nor a mistake in drawing costs the outputs
            self._live.stop()
        super().conclude(untold, shown_again=shown_again)

    def _beat(self) -> None:
        """Lines that move need no heartbeat."""
        if self._live:
            self._last = self._clock.now()
        else:
            super()._beat()

    # ---- what is drawn, some times a second, by a thread of rich ----

    def _frame(self) -> Group:
        """Return the lines as they are now; those that are still open first, and no more than fit until all is over."""
        rows = list(self._rows.values())
        if self._over or len(rows) == 1:
            return Group(self._table(rows))
        rows.sort(key=lambda row: row.ended)
        shown = rows[: max(self._screen.height - FOOT, 1)]
        more = f" · {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
        text = f"{self._elapsed()} {self._runner.plain(self._status)}{more}"
        foot = Table.grid(padding=(0, 1))
        foot.add_row(self._spinner, Text(text, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(self._table(shown), foot)

    def _table(self, rows: list[Row]) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right", style="dim")
        table.add_column(no_wrap=True, overflow="ellipsis", style="bold", max_width=self._screen.width // 2)
        table.add_column()  # alone in having to make do with the room that is left
        for row in rows:
            *cells, text = self._ended(row.progress) if row.ended else self._moving(row)
            if not self._over:
                text.no_wrap, text.overflow = True, "ellipsis"
            table.add_row(*cells, text)
        return table

    def _moving(self, row: Row) -> tuple[RenderableType, str, Text, Text]:
        """Return the cells of a Space that is waited for: its stage, how long it lasts, its commit, what was said."""
        runtime = row.progress.latest.runtime
        known, stage = self._runner.plain(state(runtime)), self._runner.plain(runtime.stage)
        lasts = self._clock.now() - self._began - row.progress.timeline[-1].at
        text = Text.assemble(
            (stage, COLOURS[kind_of(runtime.stage)]), f" for {duration(lasts)}", known.removeprefix(stage)
        )
        goal, history = row.progress.goal, tuple(row.progress.history)
        lacks = lacking(goal, history, self._clock.now()) if goal and history else ""
        if lacks:
            text.append(f"; {self._runner.plain(lacks)}")
        if row.said != state(runtime):
            text.append(f" · {self._runner.plain(row.said)}", style="dim")
        return self._spinner, self._elapsed(), Text(self._runner.plain(row.progress.space)), text

    def _ended(self, progress: SpaceProgress) -> tuple[RenderableType, str, Text, Text]:
        """Return the cells of a Space that is done with: what it ended as, and the stages that led there."""
        assert progress.verdict
        well = not progress.verdict.outcome.status
        colour = "green" if well else "red"
        text = Text(progress.verdict.outcome.word, style=colour)
        if well or not self._over:  # once all is over, each failure is printed in full below
            text.append(f": {self._runner.plain(progress.verdict.seen)}", style="default")
        stages = [f"{one.stage} {duration(other.at - one.at)} → " for one, other in pairwise(progress.timeline)]
        if stages:
            text.append(f" ({self._runner.plain(''.join(stages) + progress.stage)})", style="dim")
        mark, elapsed = Text("✓" if well else "✗", style=colour), duration(progress.ended - self._began)
        return mark, elapsed, Text(self._runner.plain(progress.space)), text

    def _elapsed(self) -> str:
        return duration(self._clock.now() - self._began)

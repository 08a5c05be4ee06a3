"""Reports a step: outputs and summary first, then the lines for people. It cannot fail.

Whatever goes wrong meanwhile, with whatever a Space or the Hub has said, leaves plain outputs and a short summary.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

from hf_action.report import listing
from hf_action.report.outputs import Plain, bill, document, heading, least_outputs, level, outputs
from hf_action.report.summary import correction, least_summary, summary
from hf_action.rules.results import Step
from hf_action.runner.github import Runner
from hf_action.runner.log import Log

Made = TypeVar("Made")


class Publisher:
    """What a step ended as, written and shown; a second time what corrects the first."""

    def __init__(self, *, runner: Runner, log: Log) -> None:
        self._runner = runner
        self._log = log
        self._summarized = False
        self._shown = False

    def publish(
        self, step: Step, *, mistakes: Sequence[str], wants_summary: bool, report_file: str | None = None
    ) -> None:
        """Write outputs and summary, then print the rest, which a reader may hold up."""
        self._runner.recognize(*(result.space for result in step.results))
        plain = cache(self._runner.plain)
        self._write_outputs(step, plain, report_file)
        if self._runner.answers and not self._runner.answers_json:
            self._runner.keep_answer("\n".join(self._attempt(lambda: self._answer(step, plain), list)))
        if wants_summary:
            self._write_summary(step, plain)
        self._attempt(lambda: self._show(step, mistakes), lambda: None)
        self._runner.tell_troubles()

    def _write_outputs(self, step: Step, plain: Plain, report_file: str | None) -> None:
        def least() -> dict[str, str]:
            return self._attempt(lambda: least_outputs(step, plain), lambda: {"result": step.outcome.word})

        self._runner.files.write_outputs(self._attempt(lambda: outputs(step, plain), least))
        if not self._runner.answers_json and not report_file:
            return
        whole = self._attempt(lambda: _json(document(step, plain)), lambda: _json(least()))
        if self._runner.answers_json:
            self._runner.keep_answer(whole)
        if report_file:
            self._runner.write_report(report_file, whole)

    def _answer(self, step: Step, plain: Plain) -> list[str]:
        """Return what stdout gets in a shell; what was done, a person has seen already."""
        if not self._runner.answers_person:
            return listing.lines(step, plain)
        return listing.screen(step, plain) if step.only_looks else []

    def _write_summary(self, step: Step, plain: Plain) -> None:
        if self._summarized:
            text = correction(step)
        else:
            text = self._attempt(lambda: summary(step, plain), lambda: least_summary(step, plain))
        self._runner.files.write_summary(text)
        self._summarized = True

    def _show(self, step: Step, mistakes: Sequence[str]) -> None:
        if self._shown:
            self._log.annotate(level(step.status), heading(step))
            return
        self._shown = True
        answered = self._runner.answers and not self._runner.answers_json
        self._log.conclude(step.results, shown_again=answered and step.only_looks)
        if not step.results:
            for line in mistakes or [step.message]:  # where that is no error, nothing was selected
                self._log.annotate("error" if step.status else "warning", line)
        if step.prices:
            self._log.info(bill(step))
        if len(step.results) > 1 and not (step.only_looks and self._runner.answers_person):
            self._log.info(heading(step))

    def _attempt(self, make: Callable[[], Made], instead: Callable[[], Made]) -> Made:
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - a bug, too, must leave outputs and a summary
            self._runner.debug_traceback(error)
            return instead()


def _json(values: object) -> str:
    return json.dumps(values, indent=2, allow_nan=False)

"""The report of a tour: a table for the terminal, a page in Markdown, and samples that can be committed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hf_action.rules.sanitize import one_line
from live.anonymity import Aliases
from live.findings import Difference, Exchange, Skip

NONE = "No difference: everything that was seen is what the simulated Hub says, too."
SAMPLES = "runtimes.json", "exchanges.json", "errors.json", "evidence.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that there is to report. `date` is the day of the tour; `ended` is False if it was cancelled."""

    differences: Sequence[Difference]
    skips: Sequence[Skip]
    unseen: Sequence[tuple[str, str]]
    answers: int
    date: str
    hub: str
    ended: bool
    aliases: Aliases

    def table(self) -> str:
        """Return the differences for a terminal, one paragraph each, and the steps that were not made."""
        lines = [
            f"{row.step}: {row.what}\n    simulated  {row.simulated}\n    found      {row.found}"
            for row in self._rows()
        ]
        lines += [f"NOT RUN: {skip.step}: {self._clean(skip.reason)}" for skip in self.skips]
        return "\n".join([*lines, self.verdict()])

    def verdict(self) -> str:
        """Return the result in a sentence."""
        cut = "" if self.ended else " The tour was cancelled before its end."
        if not self.differences:
            return f"{NONE} {self.answers} answers.{cut}"
        count = len(self.differences)
        return f"{count} difference{'s' if count > 1 else ''} in {self.answers} answers.{cut}"

    def markdown(self) -> str:
        """Return the page with all differences and all that was not compared."""
        parts = ["# The real Hub and the simulated one", f"{self.date}, {self.hub}. {self.verdict()}"]
        if self.differences:
            rows = [
                f"| {row.step} | {_cell(row.what)} | {_cell(row.simulated)} | {_cell(row.found)} |"
                for row in self._rows()
            ]
            parts.append("\n".join(["| step | what | simulated Hub | found |", "|---|---|---|---|", *rows]))
        parts += _list("Not run", (f"{skip.step}: {self._clean(skip.reason)}" for skip in self.skips))
        parts += _list("Not seen, so not compared", (f"{step}: {self._clean(what)}" for step, what in self.unseen))
        return "\n\n".join(parts) + "\n"

    def samples(self) -> dict[str, str]:
        """Return the files of samples by name: rows as in tests/samples, one for each answer that differs."""
        rows: dict[str, list[object]] = {name: [] for name in SAMPLES}
        kept: set[str] = set()
        for difference in self.differences:
            name, row = self._sample(difference)
            text = json.dumps(row)
            if text not in kept:
                kept.add(text)
                rows[name].append(row)
        return {name: _lines(found) for name, found in rows.items() if found}

    def _rows(self) -> Iterable[Difference]:
        for row in self.differences:
            clean = self._clean
            yield Difference(row.step, clean(row.what), clean(row.simulated), clean(row.found))

    def _clean(self, text: str) -> str:
        return one_line(self.aliases.text(text))

    def _sample(self, difference: Difference) -> tuple[str, object]:
        source = f"a tour of the Hub, {self.date} (observed)"
        if difference.exchange is None:
            row: dict[str, object] = {
                "what": difference.step,
                "situation": difference.what,
                "certainty": f"one tour, {self.date}",
                "value": difference.found,
            }
            return "evidence.json", self.aliases.apply(row)
        name, row = _row_of(difference.exchange, source=source, date=self.date)
        return name, self.aliases.apply(row)


def _row_of(exchange: Exchange, source: str, date: str) -> tuple[str, dict[str, object]]:
    """Return the file of samples that has such answers, and the row for it."""
    answer, situation = exchange.answer, f"{exchange.step}: {exchange.situation}"
    asked: dict[str, object] = {"method": answer.method, "path": answer.path}
    headers: dict[str, object] = {"headers": dict(answer.headers)}
    told: dict[str, object] = {"status": answer.status, **headers}
    body = answer.body if answer.body is not None else answer.words
    if answer.status >= 400:
        return "errors.json", {"situation": situation, "source": source, **asked, **told, "body": body}
    if answer.method != "GET":
        row = {"recording": situation, **asked, "request": answer.request, **told, "answer": answer.body}
        return "exchanges.json", row
    if answer.path.endswith("/runtime"):
        return "runtimes.json", {"situation": situation, "source": source, **headers, "runtime": answer.body}
    found = {"what": exchange.step, "situation": exchange.situation, "certainty": f"one tour, {date}"}
    return "evidence.json", {**found, **asked, **told, "body": body}


def _lines(rows: Sequence[object]) -> str:
    return "[\n" + ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows) + "\n]\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _list(heading: str, lines: Iterable[str]) -> list[str]:
    rows = [f"- {_cell(line)}" for line in lines]
    return [f"## {heading}", "\n".join(rows)] if rows else []

"""Examines what an operation would need, one check after the other: none of them is fatal, and none changes anything.

What is seen is judged in rules/checkup.py and rules/trusted.py; this says what is asked, in which order, and what is
not asked any more: where there is no way to the Hub, or no Space to be seen, the rest is not known.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hf_action.inputs.doctor import Visit
from hf_action.rules import checkup
from hf_action.rules.answers import Answer
from hf_action.rules.findings import Finding, unknown
from hf_action.rules.identity import Identity
from hf_action.rules.models import SpaceInfo
from hf_action.rules.trusted import judge_keyless

if TYPE_CHECKING:
    from hf_action.hub.examination import Examination

# What is only asked where there is a way to the Hub.
_NO_WAY = "not asked: there is no connection"
_NO_SPACE = "not asked: the Space is not seen"
_NOWHERE: Answer[int] = Answer(wrong="not asked: there is no address to ask at", cut_off=True)


@dataclass(frozen=True, slots=True)
class Examining:
    """The questions to the Hub, and what they are asked for. `wall` tells the seconds since 1970."""

    visit: Visit
    questions: "Examination | None"  # None: there is no address to ask at
    wall: Callable[[], float]
    mask: Callable[[str], None]
    stored: bool  # whether there is a token of `hf auth login` that is not used here

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, as it is found."""
        way = self.questions.connection() if self.questions else _NOWHERE
        endpoint = self.visit.endpoint
        yield checkup.judge_connection(way, endpoint=endpoint) if self.questions else unknown("connection", way.wrong)
        yield checkup.judge_clock(way.ahead)
        yield self._token()
        yield self._keyless(way)
        if self.questions and not way.cut_off:
            yield from self._answered(self.questions, way)
        else:
            about_space = ("space", "write", "events", "logs") if self.visit.space else ()
            with_token = ("identity",) if self.visit.token else ()
            yield from (unknown(check, _NO_WAY) for check in (*with_token, "quota", *about_space))

    def _token(self) -> Finding:
        tokens = self.visit.tokens
        return checkup.judge_token(
            [(one.source, one.value) for one in tokens],
            mistake=tokens[0].mistake if tokens else "",
            padded=bool(tokens) and tokens[0].text != tokens[0].value,
            writes=self.visit.writes,
            keyless=self.visit.keyless.is_used,
            stored=self.stored,
        )

    def _keyless(self, way: Answer[int]) -> Finding:
        keyless = self.visit.keyless
        seen = self.questions.job_identity(self.mask) if self.questions and keyless.asks else None
        now = self.wall() - (way.ahead or 0.0)
        return judge_keyless(keyless, seen, space=self.visit.space, endpoint=self.visit.endpoint, now=now)

    def _answered(self, questions: "Examination", way: Answer[int]) -> Iterator[Finding]:
        """Yield what the Hub says of the token and of the Space."""
        visit = self.visit
        who = questions.whoami() if visit.token else None
        if who:
            yield checkup.judge_identity(who, source=visit.tokens[0].source)
        seen = questions.space(visit.space) if visit.space else None
        quotas = [one.quota for one in (who, way, seen) if one]  # whoami, which is counted apart, is the last resort
        yield checkup.judge_quota(quotas, with_token=bool(visit.token))
        if visit.space and seen:
            yield from self._about_space(questions, visit.space, seen, who)
        else:
            yield unknown("space", "no Space was named", "Write hf-space doctor owner/name to have it looked at.")

    def _about_space(
        self, questions: "Examination", space: str, seen: Answer[SpaceInfo], who: Answer[Identity] | None
    ) -> Iterator[Finding]:
        visit = self.visit
        keyless = visit.keyless.resource if visit.keyless.is_used else ""
        yield checkup.judge_space(
            seen,
            space=space,
            keyless=bool(keyless),
            is_wrong_token=bool(who and who.is_wrong_token),
            changes=visit.changes,
        )
        name = seen.value.id if seen.value else space
        yield checkup.judge_right(who, space=name, writes=visit.writes, keyless=keyless)
        if who and who.value:
            yield checkup.judge_payment(who.value, owner=name.partition("/")[0], operation=visit.operation)
        if seen.value:
            yield checkup.judge_events(questions.events(name))
            yield checkup.judge_logs(questions.logs(name), with_token=bool(visit.token))
        else:
            yield from (unknown(check, _NO_SPACE) for check in ("events", "logs"))

"""Finding the one line that decides: of all a log says, the reason why the app ended or the build stopped.

A log of a failed app ends in many ways, but some things hold for all of them: the last exception is the one that
ended it, unless the app went on after it; and some exceptions only say that something else went wrong before. A log of
a failed build names the step that failed, and what that step printed has the reason.

What is found is an `Evidence`: the line, and around it the lines to look for a cause in, the most telling ones first.
Nothing else of the log is looked at: a warning or a failure that was handled is not a cause.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from itertools import islice

from hf_action.diagnosis.tracebacks import BARE, Report, read_reports


class Source(Flag):
    """Where evidence comes from: the Hub's own message on a build or an app, or the log of either."""

    BUILD_MESSAGE = auto()
    RUN_MESSAGE = auto()
    BUILD = auto()
    RUN = auto()
    CACHE_LIST = auto()  # the steps that the Hub's message lists because they were not cached
    ADDRESS = auto()  # where an app listens that did not become healthy in time
    STARTING = auto()  # the last words of such an app that does not listen
    MESSAGE = BUILD_MESSAGE | RUN_MESSAGE
    LOG = BUILD | RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The decisive line and what stands around it.

    `scopes` are groups of lines to look for a cause in, the nearest first; `text` has the lines of an exception's
    message in one. `frames` are the calls that led to an exception, `hides` the line of a later, general one.
    `is_error` is false for the last line of a log in which nothing looks like an error: worth showing, but no proof.
    """

    source: Source
    line: str
    scopes: tuple[tuple[str, ...], ...]
    text: str = ""
    frames: tuple[str, ...] = ()
    hides: str = ""
    is_error: bool = True
    files: Collection[str] = ()


# Patterns in lower case are for a line in lower case, which takes a third of the time of one that ignores case.

# An app that prints this is serving, so whatever went wrong before has been survived.
_SERVING = re.compile(
    r"running on (?:local url|public url|all addresses|http)|application startup complete"
    r"|(?<!that's )listening (?:at|on)\b|you can now view your streamlit app"
    r"|server (?:is )?(?:running|listening|started) (?:on|at)"
    r'|http/[12](?:\.[01])?" [1-5]\d\d'
)

# Exceptions and errors that only report that something else failed; the reason stands before them.
_GENERAL = re.compile(
    r"When localhost is not accessible|CalledProcessError|HaltServer|Worker failed to boot|Application startup failed"
    r"|ChildFailedError|BrokenProcessPool|ngine core initialization failed|ExceptionGroup: |\bSystemExit\b"
    r"|KeyboardInterrupt|CancelledError|^npm (?:ERR!|error)|ELIFECYCLE|error Command failed|exited with code"
    r"|exit status \d|Execution halted|^Aborted\b|^Error: \w{1,40}$|xited before readiness|subprocess-exited-with-error"
)
_LOCALHOST = "When localhost is not accessible"

# What an app prints when it goes on without the thing that failed.
_GOES_ON = re.compile(
    r"fall(?:ing)?[ -]?back|(?:continu|go)ing (?:on )?without|skipping\b|retrying\b"
    r"|will be (?:skipped|ignored|disabled)"
)

# A step of a build begins; it failed.
_STEP = re.compile(r"--> (?!ERROR)[A-Z]|#\d{1,4} \[")
_FAILED = re.compile(
    r"--> ERROR: |did not complete successfully|(?:ERROR|error): failed to (?:solve|build)|\bCOPY failed"
)
_COMMAND = re.compile(r'process "/bin/\w{0,4}sh -\w{0,20}c ([^"\\]{1,60})')

# Lines of a failed step that say nothing of why.
_HOLLOW = re.compile(
    r"This error originates from a subprocess|A complete log of this run|\[Help 1\]|e-run Maven|For more information"
    r"|To see the full stack trace|^npm (?:ERR!|error)\s{0,10}$|^make(?:\[\d\])?: \*\*\*|ninja: build stopped"
    r"|ResolutionImpossible|subprocess-exited-with-error|did not run successfully|^\[ERROR\]\s{0,10}$"
    r"|npm error (?:code|path|errno|command)\b|^-{4,}|^ELIFECYCLE|^error Command failed"
    r"|could not compile `|^BUILD FAILED|^FAILURE: Build failed"
)

_ERROR = re.compile(
    r"\b(?:error|fatal|panic|exception|killed|denied|failed|failure|cannot|can't|unable to|aborted|refused"
    r"|already in use|not permitted|not found|no such file|out of memory|no space left|unsatisfiable|not installed"
    r"|not set|missing|sigkill|no supported|not available|invalid)\b"
)
_NOISE = re.compile(
    r"warn(?:ing)?\b|deprecat|\[notice\]|^npm notice|\b0 (?:errors|failed)|^\s{0,20}(?:collecting|downloading) "
    r'|pip\'s dependency resolver does not|which is incompatible\.$|http/[12](?:\.[01])?"'
)
_LEVEL = re.compile(r"\b(?:INFO|DEBUG|TRACE)\b")
_ADDRESS = re.compile(
    r"(?P<host>127\.0\.0\.1|localhost|\[?::1?\]?|\d{1,3}(?:\.\d{1,3}){3}|\*):(?P<port>\d{2,5})\b"
    r"|port:? (?P<other>\d{2,5})\b"
)
_EXPECTED = frozenset({"7860", "8501"})  # a Space's usual port, and that of Streamlit Spaces
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_NEAR = 60  # lines before an error that only reports another one, or before the end of a failed step
_MAX_STEP = 120  # lines of a failed step that are looked at
_MAX_CHAIN = 5  # exceptions, each the reason of the next
_STARTUP = "===== "  # the Hub's own headings: Build Queued at …, Application Startup at …


def find_run_evidence(lines: Sequence[str], *, source: Source = Source.RUN) -> Evidence | None:
    """Return what ended an app, or at least its last words; None for a log that says nothing."""
    served = max((at for at, line in enumerate(lines) if _serves(line)), default=-1)
    reports = [report for report in read_reports(lines) if report.start > served]
    behind_check = any(_LOCALHOST in report.line for report in reports)
    survived = [report for report in reports if not behind_check and _is_survived(report, lines)]
    passed = {at for report in survived for at in range(report.start, report.end)}
    fatal = [report for report in reports if report.start not in passed]
    rest = [line for at, line in enumerate(lines) if at > served and at not in passed]
    return _last_failure(lines, fatal, source) or _last_error(rest, source) or _last_words(lines, source)


def _serves(line: str) -> bool:
    return _names_service(line) and not _names_error(line)


def _names_service(line: str) -> bool:
    return bool(_SERVING.search(line.lower()))


def _names_error(line: str) -> bool:
    return bool(_ERROR.search(line.lower()))


def _is_survived(report: Report, lines: Sequence[str]) -> bool:
    """Whether a server answered a request with it and went on, or the app says that it goes on without."""
    following = (*report.lines[1:], *lines[report.end : report.end + 2])
    return report.in_request or any(_GOES_ON.search(line.lower()) for line in following)


def _last_failure(lines: Sequence[str], reports: Sequence[Report], source: Source) -> Evidence | None:
    """Return the last exception or crash, behind those that only report it."""
    general = [report for report in reports if _GENERAL.search(report.line)]
    starts = {report.start for report in general}
    special = [report for report in reports if report.start not in starts]
    if special:
        report = special[-1]
        later = [other.line for other in general if other.start > report.start]
        return _of_report(report, source, hides=later[-1] if later else "")
    if not general:
        return None
    before = [line for line in lines[max(0, general[0].start - _NEAR) : general[0].start] if _tells_error(line)]
    evidence = _of_report(general[0], source)
    scopes = (tuple(reversed(before)), *evidence.scopes, tuple(report.line for report in general[:_NEAR]))
    line = before[-1] if before else general[0].line
    return Evidence(source=source, line=line, scopes=scopes, frames=evidence.frames, hides=general[0].line)


def _of_report(report: Report, source: Source, *, hides: str = "") -> Evidence:
    scopes = [report.lines]
    earlier = report.after
    while earlier and len(scopes) < _MAX_CHAIN:
        scopes.append(earlier.lines)
        earlier = earlier.after
    return Evidence(
        source=source, line=report.line, scopes=tuple(scopes), text=report.text, frames=report.frames, hides=hides
    )


def _last_error(lines: Sequence[str], source: Source) -> Evidence | None:
    """Return the last line that tells an error in whatever form."""
    found = next((line for line in reversed(lines) if _tells_error(line)), None)
    return Evidence(source=source, line=found, scopes=((found,),)) if found else None


def _last_words(lines: Sequence[str], source: Source) -> Evidence | None:
    found = next((line for line in reversed(lines) if line.strip() and not line.startswith(_STARTUP)), None)
    return Evidence(source=source, line=found, scopes=(), is_error=False) if found else None


def find_build_evidence(lines: Sequence[str], *, source: Source = Source.BUILD) -> Evidence | None:
    """Return why the failed step of a build failed; the last line where no step is said to have failed."""
    failed = next((at for at in range(len(lines) - 1, -1, -1) if _FAILED.search(lines[at])), None)
    end = len(lines) if failed is None else failed
    step = [line for line in lines[_step_start(lines, end, failed) : end] if line.strip() and not _is_noise(line)]
    reasons = (line for line in reversed(step) if _tells_error(line) and not _HOLLOW.search(line))
    line = next(reasons, None) or (lines[failed] if failed is not None else None)
    if line is None:
        return _last_words(lines, source)
    around = (*islice(reversed(step), _MAX_STEP), *(() if failed is None else lines[failed : failed + 3]))
    return Evidence(source=source, line=line, scopes=(around,), frames=tuple(step[-_NEAR:]))


def _step_start(lines: Sequence[str], end: int, failed: int | None) -> int:
    """Return where the output of the failed step begins: after its command, else after the last one."""
    steps = [at for at in range(end) if _STEP.match(lines[at])]
    command = _COMMAND.search(lines[failed]) if failed is not None else None
    own = [at for at in steps if command and command[1].strip() in lines[at]]
    return (own or steps or [-1])[-1] + 1


def _tells_error(line: str) -> bool:
    return bool(BARE.match(line) or _names_error(line)) and not _is_noise(line)


def _is_noise(line: str) -> bool:
    return bool(_NOISE.search(line.lower()) or _LEVEL.search(line))


def find_starting_evidence(lines: Sequence[str]) -> Evidence | None:
    """Return what an app that never became healthy did: where it listens instead, and its last words."""
    places = [found for line in lines if _names_service(line) and (found := _ADDRESS.search(line))]
    elsewhere = [found for found in places if (found["port"] or found["other"]) not in _EXPECTED]
    hidden = [found for found in places if found["host"] in _LOOPBACK]
    if any(found not in elsewhere and found not in hidden for found in places):
        return None
    last = [line for line in lines if line.strip()][-3:]
    shown = tuple(found.string for found in (*elsewhere, *hidden))
    if shown:
        return Evidence(source=Source.ADDRESS, line=shown[-1], scopes=(shown,))
    return Evidence(source=Source.STARTING, line=last[-1], scopes=(tuple(reversed(last)),)) if last else None

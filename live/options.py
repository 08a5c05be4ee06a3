"""What the tour is to do, from the command line and the environment; what is missing is told all at once."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hf_action.inputs import checks
from hf_action.inputs.doors import TOKEN_VARIABLES
from hf_action.inputs.readers import PUBLIC_HUB, parse_endpoint
from live.steps import STEPS
from live.survey import CannotRun

USAGE = """\
A tour of the real Hub with a Space of your own that you could do without. It is restarted and paused, gets two commits,
and is put back as it was. What differs from the simulated Hub is shown and written into files.
docs/live.md says more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for."""

    space: str
    endpoint: str
    token: str = field(repr=False)
    wanted: frozenset[str]
    confirmed: bool
    speed: float
    folder: Path


def read_options(argv: Sequence[str] | None, environ: Mapping[str, str]) -> Options:
    """Return what was asked for; raises CannotRun with all that is missing or wrong."""
    given = _parser().parse_args(argv)
    space = given.space or environ.get("HF_SPACE", "")
    token = next((value for name in TOKEN_VARIABLES if (value := environ.get(name, "").strip())), "")
    missing = []
    if not token:
        missing.append(f"no token: set {TOKEN_VARIABLES[0]} to one that may write to the Space")
    if not space:
        missing.append("no Space: set HF_SPACE=owner/name to a Space of yours that you could do without")
    elif space.count("/") != 1 or not all(space.split("/")):
        missing.append(f"HF_SPACE={space} is not the name of a Space; write owner/name")
    endpoint = _endpoint(environ.get("HF_ENDPOINT", "") or PUBLIC_HUB, missing, has_token=bool(token))
    chosen = given.only or [name for name in STEPS if name != "rename" or given.rename]
    unknown = sorted({*chosen, *given.skip} - STEPS.keys())
    if unknown:
        missing.append(f"no such step: {', '.join(unknown)}; there are {', '.join(STEPS)}")
    if missing:
        raise CannotRun("; ".join(missing))
    return Options(
        space=space,
        endpoint=endpoint,
        token=token,
        wanted=frozenset(chosen) - frozenset(given.skip),
        confirmed=given.yes,
        speed=given.speed,
        folder=given.report,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m live", description=USAGE)
    parser.add_argument("space", nargs="?", help="owner/name of a Space that you could do without (default: HF_SPACE)")
    parser.add_argument("--yes", action="store_true", help="it may be done, without a question")
    parser.add_argument("--rename", action="store_true", help="also rename the Space and rename it back")
    parser.add_argument("--only", type=_names, default=[], metavar="STEPS", help="make these steps only")
    parser.add_argument("--skip", type=_names, default=[], metavar="STEPS", help=f"leave out: {', '.join(STEPS)}")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="how fast time passes on a simulated Hub that was started so"
    )
    parser.add_argument(
        "--report", type=Path, default=Path("live-report"), metavar="FOLDER", help="where the report goes (live-report)"
    )
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed")
    return speed


def _endpoint(text: str, missing: list[str], *, has_token: bool) -> str:
    try:
        endpoint = parse_endpoint(text)
    except ValueError as error:
        missing.append(f"HF_ENDPOINT={text} {error}")
        return ""
    missing += checks.endpoint(endpoint, has_token=has_token)
    return endpoint

"""What the user asks for, from the command line and the environment. All mistakes are reported at once."""

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
A tour of the real Hub with a Space of yours that nobody needs. It is restarted and paused, gets two commits, and is
put back as it was. What differs from the simulated Hub is shown and written to files. See docs/live.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asks for."""

    space: str
    endpoint: str
    token: str = field(repr=False)
    wanted: frozenset[str]
    confirmed: bool
    speed: float
    folder: Path


def read_options(argv: Sequence[str] | None, environ: Mapping[str, str]) -> Options:
    """Return what the user asks for; raises CannotRun with everything that is missing or wrong."""
    given = _parser().parse_args(argv)
    space = given.space or environ.get("HF_SPACE", "")
    token = next((value for name in TOKEN_VARIABLES if (value := environ.get(name, "").strip())), "")
    missing = []
    if not token:
        missing.append(f"no token: set {TOKEN_VARIABLES[0]} to one that may write to the Space")
    if not space:
        missing.append("no Space: set HF_SPACE=owner/name to a Space of yours that nobody needs")
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
    parser.add_argument("space", nargs="?", help="owner/name of a Space that nobody needs (default: HF_SPACE)")
    parser.add_argument("--yes", action="store_true", help="do not ask for permission")
    parser.add_argument("--rename", action="store_true", help="also rename the Space and rename it back")
    parser.add_argument("--only", type=_names, default=[], metavar="STEPS", help="make only these steps")
    parser.add_argument("--skip", type=_names, default=[], metavar="STEPS", help=f"leave out: {', '.join(STEPS)}")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="the --speed that a simulated Hub was started with (default: 1)"
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("live-report"),
        metavar="FOLDER",
        help="where to write the report (default: live-report)",
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

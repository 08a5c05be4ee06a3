"""What else must hold for a sign to count: where an exception was raised, and whose module is missing."""

import re
from pathlib import PurePosixPath

from hf_action.diagnosis.evidence import Evidence
from hf_action.diagnosis.signs import names

_PATH = re.compile(r'File "([^"]{1,500})"')
_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib/python\d|<frozen ")
_HOMES = re.compile(r"/(?:home/user/app|home/user|usr/src/app|app|code|workspace|src)/")

# Names that apps give to their own modules, and that nobody means to install.
_USUAL_OWN = frozenset(
    [
        *("app", "main", "src", "server", "backend", "frontend", "api", "core", "config", "settings", "utils", "util"),
        *("helpers", "common", "model", "models", "modules", "services", "routes", "routers", "components", "tools"),
        *("scripts", "pages", "database", "db", "schemas", "data", "lib", "inference", "pipeline", "prompts", "env"),
    ]
)


def from_environ(match: re.Match[str], evidence: Evidence) -> bool:
    """Whether the key was looked for in the environment, or nothing is known but that it is named like a setting."""
    where = [line for line in evidence.frames[-8:] if line.strip()]
    if any("environ" in line or "st.secrets" in line or "<frozen os>" in line for line in where):
        return True
    named = re.search(
        r"(?:_|^)(?:TOKEN|KEY|SECRET|PASSWORD|URL|URI|ENDPOINT|CREDENTIALS|ID)$", names(match)["variable"]
    )
    return not where and named is not None


def in_library(_: re.Match[str], evidence: Evidence) -> bool:
    """Whether an installed package raised it, not the app's own code."""
    paths = _paths(evidence)
    return bool(paths) and bool(_LIBRARY.search(paths[-1]))


def in_library_import(match: re.Match[str], evidence: Evidence) -> bool:
    """Whether an installed package raised it while it was imported: it does not fit those that it imports."""
    frames = [line for line in evidence.frames if _PATH.search(line)]
    own = max((at for at, line in enumerate(frames) if not _LIBRARY.search(line)), default=-1)
    return in_library(match, evidence) and any(line.endswith("in <module>") for line in frames[own + 1 :])


def calls_library(match: re.Match[str], evidence: Evidence) -> bool:
    """Whether an installed package raised it, or the app called a function of one by its module: `gr.Image(…)`."""
    called = re.compile(rf"(?<![\w.])(?!self\b|cls\b)[a-z_]\w{{0,40}}\.{re.escape(names(match)['function'])}\(")
    return in_library(match, evidence) or any(called.search(line) for line in evidence.frames[-4:])


def is_foreign(match: re.Match[str], evidence: Evidence) -> bool:
    """Whether a module is an installed one."""
    return not is_own(match, evidence)


def is_own(match: re.Match[str], evidence: Evidence) -> bool:
    """Whether a module is one of the app's own: a file or directory of it, or named as only such are."""
    top = names(match).get("module", "").partition(".")[0]
    place = re.search(r" \((/[^)]{1,500})\)", match.string)
    if place:
        return not _LIBRARY.search(place[1])
    if _loaded_by_server(evidence):
        return True
    return top in _USUAL_OWN or top in _own_names(evidence) or "is not a package" in match.string


def needs_other_python(match: re.Match[str], evidence: Evidence) -> bool:
    """Whether pip left out the very version that is asked for because it needs another Python."""
    wanted = re.compile(rf"(?<![\w.]){re.escape(names(match)['version'])} Requires-Python")
    return any(wanted.search(line) for scope in evidence.scopes for line in scope)


def is_elsewhere(match: re.Match[str], _: Evidence) -> bool:
    """Whether a connection led out of the container; inside, a server of the app's own does not answer."""
    return not re.search(r"localhost|127\.0\.0\.1|0\.0\.0\.0|Connection refused", match.string)


def is_platforms_own(match: re.Match[str], _: Evidence) -> bool:
    """Whether the container could not be created for a reason other than what it should execute."""
    return not re.search(r'exec:? "|exec format|no such file|permission denied', match.string)


def in_zerogpu(_: re.Match[str], evidence: Evidence) -> bool:
    """Whether the package `spaces` was on the way, which hands out the GPUs of ZeroGPU."""
    return any("spaces/zero" in line for line in evidence.frames)


def behind_localhost_check(_: re.Match[str], evidence: Evidence) -> bool:
    """Whether Gradio's look at its own page failed: its packages do not fit together, whatever they raise."""
    return "localhost is not accessible" in evidence.hides


def _loaded_by_server(evidence: Evidence) -> bool:
    """Whether a server was looking for the app itself, which its command names: gunicorn wsgi:app."""
    paths = [path for path in _paths(evidence) if not re.search(r"<frozen |/importlib/", path)]
    return bool(paths) and bool(
        re.search(r"/(?:gunicorn/util|uvicorn/importer|flask/cli|hypercorn/utils)\.py$", paths[-1])
    )


def _paths(evidence: Evidence) -> list[str]:
    return [found[1] for line in evidence.frames if (found := _PATH.search(line))]


def _own_names(evidence: Evidence) -> set[str]:
    """Return the names of the app's files and directories, from the repository's files and from the frames."""
    called = [path for path in _paths(evidence) if not _LIBRARY.search(path)]
    homes = [path[home.end() :] for path in called if (home := _HOMES.search(path))]
    paths = [PurePosixPath(path) for path in (*evidence.files, *homes)]
    return {name for path in paths for name in (*path.parts[:-1], path.stem)}

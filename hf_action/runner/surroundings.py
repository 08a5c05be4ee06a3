"""Where the process runs, in words: a job of GitHub or of another CI system, a container, a terminal."""

import platform
from pathlib import Path

from hf_action import VERSION
from hf_action.runner.github import Runner

# Files that container engines leave: those of Docker and of Podman.
MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def surroundings(runner: Runner) -> str:
    """Say where this is."""
    environ = runner.environ
    parts = [f"{platform.system()} {platform.machine()}"]
    if environ.get("GITHUB_ACTIONS") == "true":
        event = environ.get("GITHUB_EVENT_NAME", "")
        parts.append(f"a job of GitHub Actions{f' ({event})' if event else ''}")
    elif environ.get("GITLAB_CI"):
        parts.append("a job of GitLab")
    elif environ.get("CI"):
        parts.append("a job of a CI system")
    if any(mark.exists() for mark in MARKS) or environ.get("KUBERNETES_SERVICE_HOST"):
        parts.append("in a container")
    parts.append("in a terminal" if runner.is_terminal else "not in a terminal")
    return ", ".join(parts)


def own_versions() -> str:
    """Return the versions of this program and of Python."""
    return f"hf-space {VERSION}, Python {platform.python_version()}"

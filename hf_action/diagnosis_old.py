"""What usually lies behind a failure, told from the words of a log: a table of patterns, causes and remedies.

The first row whose pattern is found decides, so what is special stands before what is general. To add a cause, add a
row here and a realistic log to tests/test_causes.py; docs/troubleshooting.md is checked against this table.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DOCS = "https://huggingface.co/docs/hub"


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause: `name` for people and documents, what to do about it, and where that is explained."""

    name: str
    pattern: re.Pattern[str]
    remedy: str
    link: str


def _cause(name: str, pattern: str, *, remedy: str, link: str) -> Cause:
    return Cause(
        name=name, pattern=re.compile(pattern, re.IGNORECASE | re.MULTILINE), remedy=remedy, link=f"{DOCS}/{link}"
    )


CAUSES = (
    _cause(
        "payment or quota needed",
        r"payment method is required|payment required|exceeded your .{0,40}quota|quota exceeded|insufficient credits",
        remedy="Add a payment method or credits to the owner's account, or ask for free hardware",
        link="billing",
    ),
    _cause(
        "no machine of the requested hardware is free",
        r"scheduling failure|unable to schedule|no capacity|insufficient capacity",
        remedy="Try again later, or ask for other hardware",
        link="spaces-gpus",
    ),
    _cause(
        "gated or private model without a token that may read it",
        r"GatedRepoError|Cannot access gated repo|access to model .{0,200} is restricted"
        r"|RepositoryNotFoundError|Repository Not Found for url|You need to be authenticated to access it",
        remedy="Accept the model's terms, and give the Space a secret HF_TOKEN that may read it",
        link="spaces-overview#managing-secrets",
    ),
    _cause(
        "out of memory",
        r"OOMKilled|Memory limit exceeded|CUDA out of memory|OutOfMemoryError|Cannot allocate memory|exit code:? 137\b"
        r"|^\s*MemoryError",
        remedy="Load less or in lower precision, or ask for hardware with more memory",
        link="spaces-gpus",
    ),
    _cause(
        "disk full",
        r"No space left on device|storage limit|ephemeral storage.{0,60}exceed|disk quota exceeded",
        remedy="Download less, clean up while building, or attach storage",
        link="spaces-storage",
    ),
    _cause(
        "CUDA on hardware without a GPU",
        r"Error: Found no NVIDIA driver|No CUDA GPUs are available|Torch not compiled with CUDA enabled"
        r"|OSError: libcuda\.so\S*: cannot open",
        remedy="Ask for GPU hardware, or run the model on the CPU",
        link="spaces-gpus",
    ),
    _cause(
        "conflicting versions in the requirements",
        r"ResolutionImpossible|conflicting dependencies|incompatible with|has requirement .{0,120} but you have"
        r"|requires .{0,120} but you have|No solution found when resolving",
        remedy="Loosen or align the versions in requirements.txt",
        link="spaces-dependencies",
    ),
    _cause(
        "a required package or version does not exist (any more)",
        r"No matching distribution found|Could not find a version that satisfies|yanked version|reason for being yanked"
        r"|was not found in the package registry|E: Unable to locate package",
        remedy="Correct the name or version in requirements.txt or packages.txt",
        link="spaces-dependencies",
    ),
    _cause(
        "a module is not installed",
        r"ModuleNotFoundError|python[0-9.]*: No module named|ImportError: cannot import name"
        r"|(?:Import|OS)Error: \S+: cannot open shared object file",
        remedy="Add the package to requirements.txt, or correct its version",
        link="spaces-dependencies",
    ),
    _cause(
        "the app does not listen on the port the Space expects, or takes too long to start",
        r"launch timed out|not healthy after|Workload was not healthy|Cannot find empty port|Address already in use",
        remedy="Listen on 0.0.0.0 at app_port of README.md (else 7860), or raise startup_duration_timeout",
        link="spaces-config-reference",
    ),
    _cause(
        "the app file is missing",
        r"No application file|NO_APP_FILE|can't open file .{0,100}app\.py|failed to read dockerfile"
        r"|Dockerfile: no such file",
        remedy="Push app.py, Dockerfile or index.html, or name the file as app_file in README.md",
        link="spaces-config-reference",
    ),
    _cause(
        "the block on top of README.md is wrong",
        r"CONFIG_ERROR|Missing configuration in README|Invalid metadata in README|configuration error.{0,40}README"
        r"|\"?(?:sdk|app_port|sdk_version|python_version)\"? (?:must be|is not allowed)",
        remedy="Correct the block between the --- lines of README.md",
        link="spaces-config-reference",
    ),
)


def find_cause(texts: Iterable[str]) -> Cause | None:
    """Return the likely cause that a stage, an error message and the lines of a log point to; None for none known."""
    whole = "\n".join(texts)
    return next((cause for cause in CAUSES if cause.pattern.search(whole)), None)

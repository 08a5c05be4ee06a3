"""Causes in how a Space is set up: its settings, the block on top of its README.md, what its repository holds."""

from hf_action.diagnosis.evidence import Source
from hf_action.diagnosis.signs import Blame, Cause, docs, sign

MESSAGE, RUN, BUILD = Source.MESSAGE, Source.RUN, Source.BUILD
BUILD_MESSAGE, RUN_MESSAGE = Source.BUILD_MESSAGE, Source.RUN_MESSAGE

SETTINGS = (
    Cause(
        word="settings-collision",
        blame=Blame.SETTINGS,
        looks="Collision on variables and secrets names.",
        remedy=(
            "One name is both a variable and a secret: delete one of the two in {settings}; README.md is not the place"
        ),
        link=docs("spaces-overview#managing-secrets"),
        signs=(
            sign(
                MESSAGE,
                r"collision on .{0,40}(?:variable|secret)|(?:variable|secret).{0,40}same name",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="dev-mode",
        blame=Blame.SETTINGS,
        looks="a step of Dev Mode fails, such as /bin/sh: 1: git: not found after git config --global",
        remedy=(
            "Turn Dev Mode off in {settings}, or install bash, curl, wget, procps, git and git-lfs in the Dockerfile"
        ),
        link=docs("spaces-dev-mode"),
        signs=(
            sign(
                MESSAGE,
                r"\bdev[ -]?mode\b",
                any_case=True,
            ),
            sign(
                BUILD,
                (
                    r"ERROR: process .{0,200}(?:vscode-server|openvscode|dev-?mode"
                    r"|git config --global --add safe\.directory|sshd|ssh-keygen)"
                ),
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="repository-too-large",
        blame=Blame.SETTINGS,
        looks="Repository storage limit reached (Max: 1 GB)",
        remedy=(
            "Move large files to a model or dataset repository, and delete their old versions in the Space's Settings"
        ),
        link=docs("storage-limits"),
        signs=(
            sign(
                MESSAGE | BUILD,
                r"repository storage (?:limit|quota)|repository (?:size|is too large)",
                r"repo(?:sitory)? .{0,30}exceed\w{0,3} .{0,30}(?:size|limit)|storage limit reached",
                any_case=True,
            ),
        ),
    ),
    Cause(
        word="app-file-missing",
        blame=Blame.SETTINGS,
        looks="the stage NO_APP_FILE; python: can't open file '/home/user/app/app.py'",
        remedy=(
            "Push {app_file}, or name the file that starts the app as app_file in README.md (a Docker Space "
            "needs a Dockerfile)"
        ),
        link=docs("spaces-config-reference"),
        signs=(
            sign(
                MESSAGE,
                r"no (?:application|app) file|NO_APP_FILE",
                any_case=True,
            ),
            sign(
                Source.BUILD_MESSAGE | BUILD,
                r"failed to read dockerfile|open (?P<app_file>Dockerfile): no such file",
            ),
            sign(
                RUN | RUN_MESSAGE,
                r"can't open file '?(?P<app_file>[^'\s]{1,200}\.py)'?: \[Errno 2\]",
                r"File does not exist: (?P<app_file>\S{1,200})|Unable to access jarfile (?P<app_file>\S{1,200})",
            ),
        ),
    ),
    Cause(
        word="readme-config",
        blame=Blame.SETTINGS,
        looks="the stage CONFIG_ERROR; Invalid metadata in README.md",
        remedy="Correct the block between the --- lines at the top of README.md and push again",
        link=docs("spaces-config-reference"),
        signs=(
            sign(
                MESSAGE,
                r"(?:invalid|missing|wrong) (?:metadata|configuration|yaml|config)\b",
                r"metadata .{0,40}(?:invalid|missing)|invalid .{0,20}yaml",
                any_case=True,
            ),
            sign(
                MESSAGE,
                (
                    r"\"?(?:sdk|sdk_version|python_version|app_file|app_port|colorFrom|colorTo|emoji|title"
                    r"|license|suggested_hardware|short_description|startup_duration_timeout)\"? (?:must|is"
                    r"|should|has)\b"
                ),
                any_case=True,
            ),
        ),
    ),
)

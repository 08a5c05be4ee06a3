"""The runner, as it reads a log and the files of a step: what it would obey.

Source: https://github.com/actions/runner, TryParseV2 and TryParse of src/Runner.Common/ActionCommand.cs, and
TryProcessCommand of src/Runner.Worker/ActionCommandManager.cs.
"""

import re
from dataclasses import dataclass, field

REGISTERED = frozenset({"set-env", "set-output", "save-state", "add-mask", "add-path", "add-matcher", "remove-matcher",
                        "debug", "warning", "error", "notice", "group", "endgroup", "echo", "stop-commands"})  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A command that the runner obeys."""

    name: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


def second_form(line: str, registered: set[str]) -> Command | None:
    """Parse `::name key=value,key=value::data` at the start of a line."""
    line = line.lstrip()
    if not line.startswith("::"):
        return None
    end = line.find("::", 2)
    if end < 0:
        return None
    name, _, rest = line[2:end].partition(" ")
    if name.lower() not in registered:
        return None
    pairs = [part.split("=", 1) for part in rest.strip().split(",") if part]
    escapes = {"%0D": "\r", "%0A": "\n", "%25": "%"}
    return Command(name.lower(), unescape(line[end + 2 :], escapes), {pair[0]: pair[1] for pair in pairs if len(pair) == 2})


def first_form(line: str, registered: set[str]) -> Command | None:
    """Parse `##[name key=value;key=value]data` anywhere in a line."""
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, rest = line[start + 3 : end].partition(" ")
    if name.lower() not in registered:
        return None
    pairs = [part.split("=", 1) for part in rest.split(";") if part]
    escapes = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}
    return Command(name.lower(), unescape(line[end + 1 :], escapes), {pair[0]: pair[1] for pair in pairs if len(pair) == 2})


def unescape(text: str, escapes: dict[str, str]) -> str:
    for escaped, character in escapes.items():
        text = text.replace(escaped, character)
    return text


def obeyed(log: str) -> list[Command]:
    """Return the commands in a log, as the runner finds them; lines end where any reader might end them."""
    registered, stopped, found = set(REGISTERED), None, []
    for line in re.split(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", log):
        command = second_form(line, registered) or first_form(line, registered)
        if command and stopped is None:
            found.append(command)
            if command.name == "stop-commands":
                stopped = command.data.lower()
                registered.add(stopped)
        elif command and command.name == stopped:
            stopped = None
    return found


def read_file_command(text: str) -> list[tuple[str, str]]:
    """Parse a file of outputs as the runner does (FileCommandManager.cs, EnvFileKeyValuePairs)."""
    pairs = []
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        heredoc, equals = line.find("<<"), line.find("=")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            pairs.append((line[:equals], line[equals + 1 :]))
            continue
        assert heredoc > 0, f"the runner fails the step: Invalid format {line[:80]!r}"
        value, delimiter = [], line[heredoc + 2 :]
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        else:
            raise AssertionError(f"the runner fails the step: Matching delimiter not found {delimiter!r}")
        pairs.append((line[:heredoc], "\n".join(value)))
    return pairs

"""What one input alone cannot show: how inputs go together, and what they leave open."""

from collections.abc import Collection, Mapping, Sequence

from hf_action.inputs.names import nearest
from hf_action.inputs.table import INPUTS, Group
from hf_action.rules.addresses import read_address
from hf_action.rules.operations import OPERATIONS
from hf_action.rules.stages import STAGES

# Spaces that one mistake names.
MAX_NAMED = 3


def is_all_in_file(given: Mapping[str, str]) -> bool:
    """Whether the step names and selects no Spaces beside those of its fleet file, each with inputs of its own."""
    return bool(given.get("fleet-file")) and not any(given.get(name) for name in ("space-id", "author", "search"))


def subject(given: Mapping[str, str], *, operation: str | None, selects: bool) -> list[str]:
    """A call must say which Spaces it is about, and a list must have something to choose from."""
    if operation == "list":
        if selects or given.get("fleet-file"):
            return []
        return ["author: is missing; operation list needs author, search, a pattern in space-id, or a fleet-file."]
    if any(given.get(name) for name in ("space-id", "author", "search", "fleet-file")):
        return []
    filters = (row for row in INPUTS.values() if row.group is Group.SELECTION)
    if any(given.get(row.name, row.default) != row.default for row in filters):
        return ["author: is missing; filters choose from the Spaces of an author, or from a pattern in space-id."]
    return ["space-id: is missing; write owner/name."]


def operation(
    name: str, *, stages: Collection[str], given: Mapping[str, str], restore: bool | None, rollback: bool | None
) -> list[str]:
    """An operation must have what it needs, and can only be undone where its row says how."""
    row = OPERATIONS.get(name)
    if row is None:
        return []
    mistakes = []
    if row.waits_for and not row.changes and not stages:
        mistakes.append(f"wait-for-stage: 'none' leaves operation {name} nothing to wait for; name a stage.")
    elif rollback and row.deploys and not stages:
        mistakes.append("rollback: needs a stage to wait for; leave out wait-for-stage (--no-wait).")
    if row.needs and not given.get(row.needs) and not is_all_in_file(given):
        mistakes.append(f"{row.needs}: is missing; operation {name} needs it.")
    if restore and row.changes and not row.undo:
        mistakes.append(f"restore: operation {name} is not undone; leave restore out, and use another step for it.")
    return mistakes


def without(given: Mapping[str, str], *, rollback: bool | None) -> list[str]:
    """An input that says more of another one needs that, or what somebody relies on would not be done."""
    mistakes = []
    if given.get("health-check-contains") and not given.get("health-check"):
        mistakes.append("health-check-contains: needs health-check; write health-check: auto, or a path.")
    if given.get("rollback-to") and rollback is False:
        mistakes.append("rollback-to: needs rollback; write rollback: true.")
    return mistakes


def patterns(spaces: Sequence[str], authors: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns to choose by: those of space-id, and all Spaces of each author; each once."""
    found = [space for space in spaces if "*" in space or "?" in space]
    known = {pattern.lower() for pattern in found}
    return (*found, *(f"{author}/*" for author in authors if f"{author.lower()}/*" not in known))


def contradictions(spaces: Sequence[str], authors: Sequence[str], searches: Sequence[str]) -> list[str]:
    """An input that looks like a filter must not add Spaces to those that another one names."""
    mistakes = []
    for author in dict.fromkeys(authors):
        own = [space for space in spaces if space.lower().startswith(f"{author.lower()}/")]
        narrower = [space for space in own if not space.endswith("/*")]
        if narrower:
            mistakes.append(
                f"author: {author!r} selects all Spaces of {author}, but space-id asks for {_names(narrower)}; "
                "write one of them only."
            )
    if searches and not authors and spaces and not any("*" in space or "?" in space for space in spaces):
        mistakes.append(
            f"search: selects Spaces of all owners, but space-id asks for {_names(spaces)}; write one of them only."
        )
    return mistakes


def _names(spaces: Sequence[str]) -> str:
    more = f" and {len(spaces) - MAX_NAMED} more" if len(spaces) > MAX_NAMED else ""
    return ", ".join(spaces[:MAX_NAMED]) + more


def endpoint(address: object, *, has_token: bool) -> list[str]:
    """A token may cross plain http only where nobody else listens: loopback, private address, name without dots."""
    if not address or not has_token or read_address(str(address)).is_safe_for_token:
        return []
    return [f"endpoint: {str(address)!r} would carry the token over plain http; write https:// instead."]


def no_post_step(*restores: bool) -> list[str]:
    """Without a post step nothing would be undone, although somebody relies on it."""
    if not any(restores):
        return []
    return [
        "restore: needs a post step, which only the container action has; undo in a step of its own with if: always()."
    ]


def unused(given: Mapping[str, str], operations: Sequence[str]) -> list[str]:
    """Warn about inputs that none of the operations uses; one that says the default says nothing."""
    known = OPERATIONS.keys() & set(operations)
    return [
        f"{row.name}: is not used by operation {' or '.join(sorted(known))}; it is ignored."
        for row in INPUTS.values()
        if known and not known & row.used_by and given.get(row.name, row.default) != row.default
    ]


# What says how to wait, or what to do with how that ends.
_OF_WAITING = (
    *("commit", "if-superseded", "stable-for", "health-check", "health-check-contains", "poll-interval"),
    *("rollback", "rollback-to", "retries"),
)


def not_waited_for(given: Mapping[str, str], *, operation: str, stages: Collection[str]) -> list[str]:
    """Warn about inputs that ask for more than a step looks at which does not wait; `wake` looks at the health."""
    row = OPERATIONS.get(operation)
    if stages or row is None or not row.waits_for or not row.writes:
        return []
    return [
        f"{name}: is ignored, since wait-for-stage: none does not wait for anything."
        for name in _OF_WAITING
        if operation in INPUTS[name].used_by and given.get(name, INPUTS[name].default) != INPUTS[name].default
    ]


def too_short(stable_for: float | None, *, timeout: float | None) -> list[str]:
    """Warn about a stage that cannot last for long enough within the budget."""
    if not timeout or (stable_for or 0.0) < timeout:
        return []
    return [f"stable-for: {stable_for:g} s do not fit into a timeout of {timeout:g} s."]


def unknown_stages(name: str, stages: Collection[str], all_the_same: str) -> list[str]:
    """Warn about stages that may be misspelt; the Hub may have new ones."""
    return [
        f"{name}: {stage!r} is not a stage known today{nearest(stage, STAGES)}; {all_the_same}."
        for stage in sorted(set(stages) - STAGES.keys())
    ]


def first_of(lines: list[str], most: int, rest: str, *, more: int = 0) -> list[str]:
    """Return the first lines, and one that counts the others; `more` of them are not in `lines`."""
    more += max(len(lines) - most, 0)
    return [*lines[:most], rest.format(more)] if more else lines

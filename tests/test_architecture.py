"""The directions of the arrows: what may import what, and that the pages show it as it is."""

import ast
import re

import pytest

from docs import generate

ROOT = generate.ROOT
# These import each other and the standard library only, and neither the machine nor chance nor the time of day.
PURE = frozenset(
    ["stages", "errors", "waiting", "facts", "selection", "inputs", "usage", "completion", "settings", "fleet", "causes", "gantt", "report"]
)
MACHINE = frozenset({"os", "time", "random", "subprocess", "socket", "threading", "sys", "datetime"})
DOORS = {"huggingface_hub": "hub", "httpx2": "hub", "tenacity": "hub", "actions_toolkit": "runner", "yaml": "fleet", "rich": "terminal"}


def foreign(module: str) -> set[str]:
    """Return the top packages that a module imports from outside of the project, late imports included."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / "hf_action" / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - {"hf_action"}


def test_every_module_is_in_the_reading_order():
    """And comes after all that it imports, so that nothing has to be believed while reading."""
    order, graph = generate.reading_order(), generate.imports()
    assert sorted(order) == sorted(graph)
    for module, others in graph.items():
        assert all(order.index(other) < order.index(module) for other in others), module


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_touch_nothing(module):
    """Neither the machine, nor a package but PyYAML's parser, nor a module that does."""
    assert generate.imports()[module] <= PURE
    assert not foreign(module) & (MACHINE | DOORS.keys() - ({"yaml"} if module == "fleet" else set()))


def test_each_package_has_one_door():
    """What a package does to the world can be read in one place."""
    for module in generate.imports():
        assert all(DOORS[package] == module for package in foreign(module) & DOORS.keys()), module


def test_one_module_reads_the_environment():
    """Settings and pure code are handed it."""
    readers = [path.stem for path in (ROOT / "hf_action").glob("*.py") if re.search(r"os\.(environ|getenv)", path.read_text())]
    assert readers == ["runner"]


def test_the_places_to_add_something_are_there():
    """CONTRIBUTING names files, names in them, and tests; none of them has moved."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| a") and "`" in line]
    assert len(rows) == 7
    for test in re.findall(r"`(tests/\S+?\.py)::(\w+)`", text):
        assert f"def {test[1]}(" in (ROOT / test[0]).read_text(), test
    for names, path in re.findall(r"(`[\w.]+`(?: and `[\w.]+`)?)[^`;|]* in `(\S+?)`", "".join(rows)):
        for name in re.findall(r"`(?:\w+\.)?(\w+)`", names):
            assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), (name, path)

"""The directions of the arrows: what may import what, and that the pages show it as it is."""

import ast
import re
from pathlib import Path

import pytest

from docs import generate
from tests.support import runs

ROOT = generate.ROOT
# These import each other and the standard library only, and neither the machine nor chance nor the time of day.
PURE = frozenset({"rules", "diagnosis", "inputs", "report"})
MODULES = generate.imports()
MACHINE = frozenset({"os", "time", "random", "subprocess", "socket", "threading", "sys", "datetime"})
DOORS = {"huggingface_hub": "hub", "httpx2": "hub", "httpcore2": "hub", "tenacity": "hub", "actions_toolkit": "runner", "yaml": "inputs", "rich": "runner"}


def room(module: str) -> str:
    return module.partition(".")[0]


def path_of(module: str) -> Path:
    return ROOT / "hf_action" / f"{module.replace('.', '/')}.py"


def source(module: str) -> str:
    return path_of(module).read_text()


def parsed(module: str) -> ast.Module:
    return generate.parsed(path_of(module))


def foreign(module: str) -> set[str]:
    """Return the top packages that a module imports from outside of the project, late imports included."""
    names = set()
    for node in generate.running(parsed(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - {"hf_action"}


def test_every_module_is_in_the_reading_order():
    """And comes after all that it imports, so that nothing has to be believed while reading."""
    order = generate.reading_order()
    assert sorted(order) == sorted(MODULES)
    for module, others in MODULES.items():
        assert all(order.index(other) < order.index(module) for other in others), module


@pytest.mark.parametrize("module", sorted(module for module in MODULES if room(module) in PURE))
def test_pure_rooms_touch_nothing(module):
    """Neither the machine, nor a package but PyYAML's parser, nor a room that does."""
    assert {room(other) for other in MODULES[module]} <= PURE
    assert not foreign(module) & (MACHINE | DOORS.keys() - ({"yaml"} if module == "inputs.nodes" else set()))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_package_has_one_door(module):
    """What a package does to the world can be read in one room."""
    assert all(DOORS[package] == room(module) for package in foreign(module) & DOORS.keys())


def test_nothing_that_does_imports_what_shows():
    """The Hub and the operations know neither the report nor the runner."""
    for module, others in MODULES.items():
        if room(module) in ("rules", "hub", "operations"):
            assert not {room(other) for other in others} & {"report", "runner"}, module


def test_no_class_is_too_long_and_no_module():
    """What does not fit into a head is taken apart: 200 lines a class, 400 a module."""
    for module in MODULES:
        text = source(module)
        assert len(text.splitlines()) <= 400, module
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.ClassDef):
                assert node.end_lineno - node.lineno < 200, (module, node.name)


def test_one_module_reads_the_environment():
    """Settings and pure code are handed it."""
    def reads(module: str) -> bool:
        nodes = ast.walk(parsed(module))
        return any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os" for node in nodes)

    assert [module for module in MODULES if reads(module)] == ["runner.github"]


def test_the_places_to_add_something_are_there():
    """CONTRIBUTING names files, names in them, and tests; none of them has moved."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| a") and "`" in line]
    assert len(rows) == 10
    for test in re.findall(r"`(tests/\S+?\.py)::(\w+)`", text):
        assert f"def {test[1]}(" in (ROOT / test[0]).read_text(), test
    for names, path in re.findall(r"(`[\w.]+`(?: and `[\w.]+`)?)[^`;|]* in `(\S+?)`", "".join(rows)):
        for name in re.findall(r"`(?:\w+\.)?(\w+)`", names):
            assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), (name, path)


@pytest.mark.parametrize("row", runs.NAMES)
def test_what_is_not_measured_is_there(row):
    """A name that nothing has any more would let its test be measured again, and make it slow unnoticed."""
    place, _, test = row.removeprefix("! ").partition("::")
    path = runs.TESTS / place
    assert path.exists() and (not test or f"\ndef {test.partition('[')[0]}" in path.read_text())

"""Compiles what a step imports of the standard library, while the image is built: `python3 -I stdlib.py ACTION LAYER`.

The official image has the standard library without bytecode, and what an interpreter compiles in a container is gone
with it: each step would compile the same modules again, which takes longer than all the rest of a short step.
"""

import ast
import importlib
import pkgutil
import py_compile
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path

# What the interpreter itself imports, and not before a request: names of hosts, and dates.
IN_A_REQUEST = ("encodings.idna", "_strptime")


def main(action: str, layer: str) -> None:
    """Compile into `layer`, where each file has the path at which the interpreter looks for it."""
    sys.path.insert(0, action)
    for name in (*wanted(Path(action, "hf_action")), *IN_A_REQUEST):
        with suppress(ImportError):  # of rich, which the image leaves out; tests run every operation in it
            importlib.import_module(name)
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if not spec or not isinstance(spec.loader, SourceFileLoader) or Path(action) in Path(spec.origin).parents:
            continue  # frozen or built in, or compiled already, with the action
        py_compile.compile(
            spec.origin,
            cfile=f"{layer}{Path(spec.cached).resolve()}",
            dfile=spec.origin,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def wanted(package: Path) -> Iterator[str]:
    """Yield the modules of the action, and what they import, also in a function that few steps come to."""
    yield from (module.name for module in pkgutil.walk_packages([str(package)], "hf_action."))
    for source in package.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module


if __name__ == "__main__":
    main(*sys.argv[1:])

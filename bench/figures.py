"""Figures of peers side by side: medians, their spread, and ratios to the last of them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def figures(module: str, *words: str) -> Any:  # noqa: ANN401 - whatever the module has to tell
    """Run a module of the benchmark in a process of its own, and return what it prints."""
    command = [sys.executable, "-m", module, *words]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)


def launch(words: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a command with nothing in its environment but this and PATH; see `launch.py` for what it will print."""
    command = [sys.executable, "-I", "-S", str(ROOT / "bench/launch.py"), *words]
    return subprocess.Popen(command, env={"PATH": os.environ["PATH"], **environ}, stdout=subprocess.PIPE, text=True)


def launched(process: subprocess.Popen[str]) -> dict[str, float]:
    """Wait for what was launched, and return what it took."""
    found: dict[str, float] = json.loads(process.communicate()[0])
    return found


def together(module: str, names: Sequence[str]) -> dict[str, Any]:
    """Do so once for each name, two at a time, where nothing depends on how busy the machine is."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(lambda name: figures(module, name), names), strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def cell(values: Sequence[float], *, base: float | None = None, unit: str = "s", digits: int = 2) -> str:
    """Return the median of `values`, the quarters around it, and its ratio to `base`."""
    middle = median(values)
    text = f"{middle:.{digits}f} {unit}".strip()
    if len(values) > 1:
        low, _, high = quantiles(values, n=4)
        text += f" ({low:.{digits}f}–{high:.{digits}f})"
    return f"{text} ×{middle / base:.2g}" if base else text


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of `values` are not above."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]

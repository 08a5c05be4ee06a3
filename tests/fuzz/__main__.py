"""`python -m tests.fuzz --seconds 60`: fuzz every target for its share of the time, and say what was found."""

import argparse
import sys
import time
import traceback

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import Target, targets

# Examples between two looks at the clock.
ROUND = 500
USUAL = settings(
    max_examples=ROUND,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    print_blob=False,
)


def main(argv: list[str] | None = None) -> int:
    """Return 0 when nothing was found, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what reads text from elsewhere.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long, for all targets together (default: 60)")
    parser.add_argument("--only", help="the one target to fuzz")
    options = parser.parse_args(argv)
    found = 0
    with targets() as known:
        chosen = [target for target in known if options.only in (None, target.name)]
        for target in chosen:
            found += fuzz(target, seconds=options.seconds / len(chosen))
    return 1 if found else 0


def fuzz(target: Target, *, seconds: float) -> int:
    """Fuzz one target; print its figures, and each finding once, in its smallest form."""
    began, examples, findings, smallest = time.monotonic(), 0, {}, ""

    def one(case: object) -> None:
        nonlocal examples, smallest
        examples += 1
        try:
            target.check(case)
        except Exception as error:
            if place_of(error) not in findings:
                smallest = repr(case)  # the last one that fails is the smallest
                raise

    while time.monotonic() < began + seconds:
        try:
            seed(time.time_ns())(USUAL(given(target.feed)(one)))()
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            frames = "".join(traceback.format_tb(error.__traceback__)[-4:])
            findings[place_of(error)] = f"{frames}{type(error).__name__}: {str(error)[:300]}\nwith {smallest[:1000]}\n"
    took = time.monotonic() - began
    print(f"{target.name}: {examples} examples in {took:.0f} s, {examples / took:.0f} a second, {len(findings)} findings", flush=True)
    for text in findings.values():
        print(text, flush=True)
    return len(findings)


def place_of(error: Exception) -> tuple[type, str, int]:
    """Return what tells one finding from another."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno or 0


if __name__ == "__main__":
    sys.exit(main())

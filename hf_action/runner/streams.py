"""The streams that the process prints on: a shell may have closed one, a disk be full, a reader have gone.

None of that changes a result (docs/contract.md, What the step shows).
"""

import os
import sys
from contextlib import suppress
from typing import TextIO

# What writing raises: a full disk, a reader that has gone, a stream that is closed, a path that no file system takes.
UNWRITABLE = (OSError, ValueError)


def open_streams() -> None:
    """See to it that there are streams to print on: in the place of a closed one, the next file opened would be it."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # the lowest number that is free is the one of the first that is closed
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w", closefd=False))


def finish(stream: TextIO, text: str) -> None:
    """Print the last that is said on a stream, and see to it that its end is not a failure either."""
    try:
        stream.write(text)
        stream.flush()
    except UNWRITABLE:
        with suppress(*UNWRITABLE):  # what is left of it goes nowhere when the process ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

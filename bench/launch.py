"""`python -I -S bench/launch.py COMMAND ...`: run a command in silence, and print what it took as JSON.

Apart from the rest because the peak of memory that Linux reports for a process is at least that of who started it, and
this one is small. Times are on the clock that all processes of a machine share.
"""

import json
import os
import sys
import time


def main(words: list[str]) -> None:
    """Run `words`, and print exit status, when it began and ended, seconds of the processor, and MB at the peak."""
    null = os.open(os.devnull, os.O_RDWR)
    silent = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in (0, 1, 2)]
    began = time.monotonic()
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    ended = time.monotonic()
    figures = {
        "exit": os.waitstatus_to_exitcode(status),
        "began": began,
        "ended": ended,
        "processor": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])

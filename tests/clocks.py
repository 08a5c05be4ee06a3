"""The clock of the simulated Hub, where tests and bench have looked for it so far."""

from simhub.clock import HEARD, FakeClock

__all__ = ["HEARD", "FakeClock"]

"""What came of one question of an examination: an answer that could be read, a refusal, or none at all."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class QuotaSeen:
    """What an answer says of the quota: requests left, of how many, and the seconds until they are renewed."""

    left: int
    limit: int | None
    renewed_in: int


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """The value where it could be read; else what went wrong and what to do about it.

    `status` is that of HTTP, None where no answer came. `ahead` is by how many seconds the clock of this machine is
    ahead of that of the other side. `cut_off` tells that no other question will come through either.
    """

    value: Value | None = None
    status: int | None = None
    wrong: str = ""
    remedy: str = ""
    is_wrong_token: bool = False  # the Hub does not know the token, or not any more
    took: float = 0.0
    ahead: float | None = None
    quota: QuotaSeen | None = None
    is_page: bool = False  # a page, and not an answer of the Hub
    cut_off: bool = False
    out_of_time: bool = False

"""The shape of what is sent."""

from typing import Any

Json = dict[str, Any]  # an object as it is sent; tests/samples say what is in it, and tests compare

"""The token of `hf auth login`, which stands in for one that is given, where a person is there to see that."""

from contextlib import suppress
from pathlib import Path

from huggingface_hub import constants, get_token


def token_of_login() -> str:
    """Return the token as huggingface_hub itself finds it; empty where there is none.

    It refreshes one that is about to expire. Who has set HF_HUB_DISABLE_IMPLICIT_TOKEN wants none to be found.
    """
    with suppress(Exception):  # a file that cannot be read is as good as none
        return "" if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token() or ""
    return ""


def stored_token() -> str:
    """Return the same token as it is stored; where `token_of_login` would refresh it, nothing is sent or changed."""
    with suppress(Exception):  # as above
        return "" if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else Path(constants.HF_TOKEN_PATH).read_text().strip()
    return ""

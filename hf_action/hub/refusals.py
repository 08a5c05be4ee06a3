"""What an error answer of the Hub means."""

import re

import httpx2

from hf_action.hub.transport import MAX_QUOTA_WINDOW, quota_of

# What the Hub says when the token itself is wrong; huggingface_hub, utils/_http.py, tells it apart by the same words.
WRONG_TOKEN = "Invalid credentials in Authorization header"
TOKENS_PAGE = "https://huggingface.co/settings/tokens"


def reason_of(response: httpx2.Response) -> str:
    """Return what the Hub says of a refusal: in a header, else in the body."""
    said = response.headers.get("x-error-message")
    if not said and "json" in response.headers.get("content-type", ""):
        try:
            body = response.json()
        except (ValueError, RecursionError, httpx2.StreamError):
            body = None
        parts = [body.get("error"), body.get("error_description")] if isinstance(body, dict) else []
        said = ": ".join(part for part in parts if isinstance(part, str))
    return said or ""


def asked_wait(response: httpx2.Response) -> float | None:
    """Return the seconds a 429 asks for: its RateLimit header first, then Retry-After.

    Source: https://huggingface.co/docs/hub/rate-limits; there is usually no Retry-After.
    """
    quota = quota_of(response)
    if response.status_code == 429 and quota and quota.remaining == 0:
        return min(quota.reset_in_seconds, MAX_QUOTA_WINDOW) + 1.0  # the header counts whole seconds
    asked = response.headers.get("retry-after", "").strip()
    return min(float(asked), MAX_QUOTA_WINDOW) if re.fullmatch("[0-9]{1,9}", asked) else None

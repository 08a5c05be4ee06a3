"""What of an exchange with the Hub a recording holds: all that a replay needs, and no secret.

Nothing that may hold a token is written because it was not thought of: of headers only those that are named here are
kept, of requests only the body. What is kept goes through the same redaction as the log, and through more: the values
of names such as `access_token`, signatures in addresses, and parts of the step's own secrets. Files of a repository
are never kept: a text stands in for each, and its id for the file's, so that two commits compare as they did.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1

from hf_action.rules.anonymity import Pseudonyms
from hf_action.rules.json_text import change_values, is_json
from hf_action.rules.sanitize import MIN_TOKEN, STARS, fragments, is_secret, visible, without_fragments

# The version of the form; a reader refuses others.
FORM = 1
# Bytes of a body that are kept; the largest real answers, pages of listings, have some hundred thousand.
MAX_BODY = 2 * 1024 * 1024
# What stands in the place of a value that is a secret by its name. It is long enough to be taken for a token.
NOT_RECORDED = "***not-recorded***"
# Headers of answers that are kept.
HEADERS = re.compile(
    r"content-type|content-encoding|location|link|(?:x-)?ratelimit.*|retry-after|date|x-request-id|x-error-.*|x-hf-warning"
    r"|x-repo-commit|etag|x-linked-.*|x-proxied-.*|server|via|www-authenticate"
)

_ROUTE = re.compile(r"/(tree|paths-info|preupload|commit|resolve)/")
# Where a token is made; and where whatever comes may be one.
LOGIN = re.compile(r"/oauth/token$|/idtoken")
# A word that may be a token, where one is made.
_MAY_BE_TOKEN = re.compile(r"\S{16,}")
# Parameters of addresses that let anybody in who has them.
_SIGNED = re.compile(
    r"(?P<keep>[?&](?P<name>[\w.\-]{1,64})=)(?P<value>[^&#\s\"'<>\\]{1,8192})",
)
_SIGNATURE = re.compile(
    r"(?i:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|policy|key-pair-id|__sign|sign|hmac|jwt"
    r"|auth|authorization|code|key|apikey|api_key|session|sessionid|sid|state)"
)
# Names of objects whose every value is a secret, and names of single values; the content of files.
_SECRETS = re.compile(r"(?i:secrets|variables|environment|env|credentials)")
_VALUES = frozenset({"value", "identity", "jwt", "id_token"})
_CONTENT = frozenset({"content", "sample"})
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_OID = re.compile("[0-9a-f]{40}")

_fragments = lru_cache(maxsize=8)(fragments)


@dataclass(frozen=True, slots=True)
class Redaction:
    """How text of an exchange becomes text of a recording.

    `redact` takes out what the log of the step would not show, `secrets` are the spellings of its own secrets by now;
    with `names` owners, Spaces, users and hosts have other ones.
    """

    redact: Callable[[str], str]
    secrets: Callable[[], Sequence[str]]
    names: Pseudonyms | None = None

    def text(self, text: str) -> str:
        """Return any text without secrets; the same object where there is none in it."""
        shown = self._without_secrets(text)
        return self.names.text(shown) if self.names else shown

    def _without_secrets(self, text: str) -> str:
        if len(text) < MIN_TOKEN:  # most values of an answer
            return text
        kept = _SIGNED.sub(_unsigned, text)
        shown = self.redact(kept)
        if shown != visible(kept).replace("\x1b", "\0"):  # else colours and the like stay as they are
            kept = shown
        kept = without_fragments(kept, _fragments(tuple(self.secrets())))
        plain = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), kept)
        return kept if plain == kept or self._without_secrets(plain) == plain else STARS

    def path(self, path: str, query: str) -> str:
        """Return the path and query of a request."""
        if self.names:
            self.names.learn_path(path)
            query = self.names.query(query)
        return self.text(f"{path}?{query}" if query else path)

    def headers(self, headers: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return the headers of an answer that are kept."""
        kept = [(name.lower(), value) for name, value in headers if HEADERS.fullmatch(name.lower())]
        if self.names:
            for _, value in kept:
                self.names.learn_path(value)
        return {name: self.text(value) for name, value in kept}

    def sent(self, content: bytes, *, path: str) -> str:
        """Return the body of a request."""
        return self._body(content.decode("utf-8", "replace"), path=path, sent=True)

    def body(self, content: bytes, *, path: str, status: int) -> str:
        """Return the body of an answer."""
        if "/resolve/" in path and status < 400:
            return stand_in(git_id(content))
        return self._body(decoded(content), path=path)

    def event(self, event: str, *, path: str) -> str:
        """Return an event of a stream: its data may be JSON."""
        return "\n".join(self._field(*line.partition(":"), path=path) for line in event.split("\n"))

    def _field(self, name: str, colon: str, rest: str, *, path: str) -> str:
        """Return a line of an event."""
        data = rest.lstrip(" ")
        shown = self._body(data, path=path) if colon else ""
        return f"{self.text(name)}{colon}{rest[: len(rest) - len(data)]}{shown}"

    def inputs(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the inputs of the step."""
        shown = {name: self._without_secrets(text) for name, text in given.items()}
        return self.names.inputs(shown) if self.names else shown

    def outputs(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """Return the outputs of the step, some of which are JSON."""
        return {name: self._body(text, path="") for name, text in outputs.items()}

    def _body(self, text: str, *, path: str, sent: bool = False) -> str:
        if self.names:
            self.names.learn(text)
        found = _ROUTE.search(path)
        route = found[1] if found else ""
        makes_tokens = bool(LOGIN.search(path)) and not sent

        def value(around: str, name: str, text: str) -> str:
            if name in _VALUES or _SECRETS.fullmatch(around) or is_secret(name, text):
                return NOT_RECORDED
            if route and name in _CONTENT:
                return ""
            if route and name == "oid" and _OID.fullmatch(text):
                return git_id(stand_in(text).encode())
            if makes_tokens:
                text = _MAY_BE_TOKEN.sub(NOT_RECORDED, text)
            shown = self._without_secrets(text)
            return self.names.value(name, shown) if self.names else shown

        if not is_json(text):
            return value("", "", text)
        return change_values(text, value=value, name=self.text)


def stand_in(oid: str) -> str:
    """Return the text that stands in for a file, by git's id of that."""
    return f"This file of the repository is not recorded; its id was {oid}.\n"


def git_id(content: bytes) -> str:
    """Return the id that git gives to a file."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def decoded(content: bytes) -> str:
    """Return a body as text: in the encoding that a reader of JSON would find, else with marks for what is not text."""
    for encoding in (json.detect_encoding(content), "utf-8"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("utf-8", "replace")


def _unsigned(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    return f"{found['keep']}{STARS}" if _SIGNATURE.fullmatch(name) or is_secret(name, value) else found[0]

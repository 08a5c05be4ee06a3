"""Replaces names, addresses and tokens in what others will see."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from live.findings import Journal, text_of, within
from live.survey import Profile

OWNER, NAME, USER = "acme", "demo", "user"
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TOKEN = re.compile(r"(?:hf|api_org|hf_oauth)_[A-Za-z0-9_.-]{6,}")
_ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")
_ID = re.compile(r"\b[0-9a-f]{24}\b")
_AVATAR = re.compile(r"[^\s\"]*avatars?[./][^\s\"]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Aliases:
    """What replaces the token and each name. The longest names come first, as a short one may be part of a long one."""

    token: str
    names: tuple[tuple[str, str], ...]

    def apply(self, value: object) -> object:
        """Return a JSON value, keys included, without anything that names somebody."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(str(key)): self.apply(item) for key, item in value.items()}
            case list():
                return [self.apply(item) for item in value]
        return value

    def text(self, text: str) -> str:
        """Return a text without anything that names somebody."""
        text = text.replace(self.token, "[token]") if self.token else text
        text = _EMAIL.sub("user@example.com", _TOKEN.sub("[token]", text))
        text = _ADDRESS.sub("10.0.0.1", _ID.sub("0" * 24, _AVATAR.sub("/avatars/user.svg", text)))
        for name, alias in self.names:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", alias, text, flags=re.IGNORECASE)
        return text


def aliases(journal: Journal, profile: Profile, *, token: str) -> Aliases:
    """Return what to replace: parts of the Space's id, and what `whoami` said."""
    owner, _, name = profile.id.partition("/")
    host = re.sub(r"[^a-z0-9]+", "-", profile.id.lower()).strip("-")
    found = {profile.id: f"{OWNER}/{NAME}", host: f"{OWNER}-{NAME}", owner: OWNER, name: NAME}
    for exchange in journal.exchanges:
        if exchange.step == "whoami":
            for person, alias in _persons(exchange.answer.body):
                found.setdefault(person, alias)
    found.setdefault(profile.user, USER)
    named = {name: alias for name, alias in found.items() if name and name != alias}
    return Aliases(token, tuple(sorted(named.items(), key=lambda row: -len(row[0]))))


def _persons(body: object) -> Iterator[tuple[str, str]]:
    yield text_of(body, "name"), USER
    yield text_of(body, "fullname"), USER
    yield text_of(body, "email"), "user@example.com"
    yield text_of(body, "auth", "accessToken", "displayName"), "token"
    orgs = within(body, "orgs")
    for number, org in enumerate(orgs if isinstance(orgs, list) else [], start=1):
        yield text_of(org, "name"), f"org-{number}"
        yield text_of(org, "fullname"), f"org-{number}"

"""Other names in the place of owners, Spaces, users and hosts: the same one each time, and valid where an id must be.

A name is learned where its place says that it is one: in an id, in the address of the API, as the author of something.
From then on it is replaced wherever it stands as a word, in addresses and in lines of a log, too. An ordinary word of
logs (`gradio`), and the name of a Space that is one plain word (`quota`, `translator`), are replaced in an id and in an
address only: alone they tell nothing, and without them nobody could read the log any more.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, quote, urlencode

from hf_action.rules.addresses import is_near
from hf_action.rules.json_text import change_values, is_json
from hf_action.rules.models import ID_PART

# Words that stay where they stand alone, in lower case.
ORDINARY = re.compile(
    """
    api|app|apps|bin|build|builder|cache|cli|client|code|config|core|cpu|cuda|data|dataset|datasets|
    default|dev|diffusers|dist|docker|dockerfile|docs|error|etc|failed|fastapi|file|files|gpu|gradio|
    home|http|https|hub|huggingface|image|images|info|json|lib|local|localhost|log|logs|main|model|
    models|node|none|opt|paused|pip|private|prod|public|pypi|python|read|restart|root|run|running|
    runtime|sdk|server|site|sleeping|space|spaces|src|static|status|stop|stopped|streamlit|sys|tmp|
    tool|tools|torch|transformers|user|users|usr|var|venv|warning|web|work|workspace|write|zero|
    zerogpu""",
    re.VERBOSE,
)
MIN_WORD = 3  # letters of a name that is replaced where it stands alone
MAX_PARTS = 16  # parts of a word, such as the name of a machine, in which names are looked for

# Where the API and the pages name a Space.
_IN_PATH = re.compile(r"(?:^|/)(?:spaces|_apps|_static)/([^/?#]+)/([^/?#]+)")
_WORD = re.compile(r"(?<!%)(?<!%[0-9A-Fa-f])[A-Za-z0-9_](?:[\w.\-]*[A-Za-z0-9_])?", re.ASCII)
_SLASHES = ("/", "%2F", "%2f")
_ID = re.compile(f"({ID_PART.pattern})/({ID_PART.pattern})", re.ASCII)
_SPACE_HOST = re.compile(r"([a-z0-9][a-z0-9-]*)((?:\.static)?\.hf\.space)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://([\w.\-]+)", re.ASCII)
# Names of values in answers, and what they are.
_OWNERS = frozenset({"author", "user", "owner"})
_HOSTS = frozenset({"host", "domain"})
_PRIVATE = frozenset({"title", "short_description", "description", "email", "fullname", "displayName", "avatarUrl"})
_WORDS = frozenset({"stage", "previous_stage", "sdk", "current", "requested", "flavor", "result", "cause", "blame"})
_OBJECT_ID = "0" * 24
# One spelling of a name differs from another one as these do: a redirect may lead from one to the other.
_SPELLINGS = (str, str.capitalize, str.upper)


class Pseudonyms:
    """The names that were learned, and what stands in their place. `endpoint` is the host of the Hub."""

    def __init__(self, *, endpoint: str = "huggingface.co") -> None:
        self._known: dict[str, dict[str, tuple[str, list[str]]]] = {"owner": {}, "space": {}, "word": {}}
        self._ids: set[tuple[str, str]] = set()
        self._subdomains: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._patterns: dict[str, str] = {}
        if endpoint != "huggingface.co" and not is_near(endpoint):
            self._hosts[endpoint.lower()] = "hub.example"

    # ---- learning ----

    def learn_id(self, owner: str, name: str) -> None:
        """Learn `owner/name`, and the subdomain that the Hub makes of it."""
        if not ID_PART.fullmatch(owner) or not ID_PART.fullmatch(name):
            return
        self._ids.add((owner.lower(), name.lower()))
        shown = f"{self._named('owner', owner)}-{self._named('space', name)}".lower()
        self._subdomains.setdefault(re.sub("[^a-z0-9]", "-", f"{owner}-{name}".lower()), shown)

    def learn_host(self, host: str) -> None:
        """Learn the host of an app, or that of anybody else."""
        found = _SPACE_HOST.fullmatch(host)
        if found:
            self._subdomains.setdefault(found[1].lower(), f"app{len(self._subdomains) + 1}")
        elif "." in host and not is_near(host):
            self._hosts.setdefault(host.lower(), f"host{len(self._hosts) + 1}.example")

    def learn_path(self, path: str) -> None:
        """Learn the Space that an address is about."""
        for owner, name in _IN_PATH.findall(path):
            self.learn_id(owner, name)

    def learn(self, text: str) -> None:
        """Learn what a body says of names."""
        if is_json(text):
            change_values(text, value=self._learn_name, name=str)
            change_values(text, value=self._learn_host, name=str)  # those of Spaces are known by now

    def _learn_name(self, _: str, name: str, value: str) -> str:
        found = _ID.fullmatch(value)
        if found and name in ("id", "space-id"):
            self.learn_id(found[1], found[2])
        elif name in _OWNERS and ID_PART.fullmatch(value):
            self._named("owner", value)
        return value

    def _learn_host(self, _: str, name: str, value: str) -> str:
        if name == "subdomain":
            self.learn_host(f"{value}.hf.space")
        elif name in _HOSTS:
            address = _ADDRESS.match(value)
            self.learn_host(address[1] if address else value)
        return value

    # ---- inputs of a step ----

    def inputs(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return inputs that choose the same Spaces by their other names."""
        for name in ("space-id", "exclude"):
            for word in re.split(r"[\s,]+", given.get(name, "")):
                part = word.rpartition("/")[2]
                if part.strip("*") and re.search(r"[*?]", part):
                    self._patterns.setdefault(part.lower(), f"*-p{len(self._patterns) + 1}-*")
        return {name: self._input(name, text) for name, text in given.items()}

    def _input(self, name: str, text: str) -> str:
        if name == "search":
            return ",".join(self._named("word", word.strip()) for word in text.split(",") if word.strip())
        if name == "author":
            return re.sub(r"[^\s,]+", lambda word: self._named("owner", word[0]), text)
        if name in ("space-id", "exclude"):
            return re.sub(r"[^\s,]+", lambda word: self._chosen(word[0]), text)
        for host in _ADDRESS.findall(text):
            self.learn_host(host)
        return self.text(text)

    def _chosen(self, word: str) -> str:
        """Return a Space, or a pattern, as an input names it."""
        before, slash, part = word.rpartition("/")
        owner = before.rpartition("/")[2]
        if not re.search(r"[*?]", word):
            self.learn_id(owner, part)
            return self.text(word)
        shown = self._patterns.get(part.lower(), part)
        return f"{self._named('owner', owner)}/{shown}" if ID_PART.fullmatch(owner) else f"{before}{slash}{shown}"

    # ---- replacing ----

    def text(self, text: str) -> str:
        """Return `text` with other names in it."""
        words = list(_WORD.finditer(text))
        parts, at = [], 0
        for number, word in enumerate(words):
            before = words[number - 1] if number else None
            after = words[number + 1] if number + 1 < len(words) else None
            if after and self._is_id(text, word, after):
                shown = self._named("owner", word[0])
            elif before and self._is_id(text, before, word):
                shown = self._named("space", word[0])
            else:
                shown = self._alone(word[0])
            parts += [text[at : word.start()], shown]
            at = word.end()
        return "".join([*parts, text[at:]])

    def value(self, name: str, text: str) -> str:
        """Return the value of a name in an answer."""
        if name == "_id":
            return _OBJECT_ID
        if name in _PRIVATE:
            return "…"
        if name in _WORDS:
            return text
        if name in _OWNERS and text.lower() in self._known["owner"]:
            return self._named("owner", text)
        if name == "subdomain":
            return self._subdomains.get(text.lower(), text)
        return self.text(text)

    def query(self, query: str) -> str:
        """Return the query of an address."""
        kinds = {"author": "owner", "search": "word"}
        pairs = parse_qsl(query, keep_blank_values=True)
        return urlencode(
            [(key, self._named(kinds[key], value) if key in kinds else self.text(value)) for key, value in pairs],
            quote_via=quote,
        )

    def _is_id(self, text: str, first: re.Match[str], second: re.Match[str]) -> bool:
        return text[first.end() : second.start()] in _SLASHES and (first[0].lower(), second[0].lower()) in self._ids

    def _alone(self, word: str) -> str:
        """Return what stands in the place of a word that is no part of an id."""
        found = _SPACE_HOST.fullmatch(word)
        if found:
            return self._subdomains.get(found[1].lower(), "app0") + found[2]
        if shown := self._hosts.get(word.lower()) or self._replaced(word):
            return shown
        pieces = re.split(r"([-._])", word)
        if not 1 < len(pieces) <= 2 * MAX_PARTS:
            return word
        parts, at = [], 0
        while at < len(pieces):
            end = next((end for end in range(len(pieces), at, -2) if self._replaced("".join(pieces[at:end]))), at + 1)
            whole = "".join(pieces[at:end])
            parts.append(self._replaced(whole) or whole)
            at = end
        return "".join(parts)

    def _replaced(self, word: str) -> str:
        """Return the other name of a word that is known, and not an ordinary one; else nothing."""
        low = word.lower()
        if low in self._subdomains:
            return self._subdomains[low]
        if len(low) < MIN_WORD or ORDINARY.fullmatch(low) or low.isdigit():
            return ""
        kind = next((kind for kind, known in self._known.items() if low in known), "")
        return self._named(kind, word) if kind and not (kind == "space" and low.isalpha()) else ""

    def _named(self, kind: str, name: str) -> str:
        """Return the other name of an owner, a Space or a word that is searched for; a new one where it has none."""
        known, low = self._known[kind], name.lower()
        if low not in known:
            marks = [shown for pattern, shown in self._patterns.items() if fnmatchcase(low, pattern)]
            chosen = "".join(mark.strip("*").rstrip("-") for mark in marks) + "-x" if marks and kind == "space" else ""
            known[low] = (f"{kind}{len(known) + 1}{chosen}", [])
        shown, spellings = known[low]
        if name not in spellings:
            spellings.append(name)
        return _SPELLINGS[min(spellings.index(name), len(_SPELLINGS) - 1)](shown)

"""What an address of the Hub or of an app says, judged as the HTTP client will see it.

A token may cross plain http only where nobody else can listen, so the name of the host decides. One host can be written
in many ways: `hub。example` and `hub%2eexample` are `hub.example`, and 2130706433, 0x7f.1 and 127.1 are 127.0.0.1 to
the C library. `read_address` turns all of them into one form. The client is given that form, so what was judged is what
is asked.

Source: docs/contract.md, "Inputs", `endpoint`; httpx2, `_urlparse.py`; inet_aton(3); RFC 3986, RFC 5891, RFC 6874.
"""

import ipaddress
import re
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that cannot be reached from the Internet. `is_private` of ipaddress includes those of documentation, too.
# Sources: RFC 1918 and RFC 4193 for private networks; RFC 3927 and RFC 4291 for the local link.
PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
# Characters of an address. A longer one is a mistake; httpx2 refuses addresses above 65,536.
MAX_ADDRESS = 2048
# Characters of a host name (RFC 1035, section 2.3.4).
MAX_HOST = 253
# Numbers of an IPv4 address, at most; with fewer the last one fills the rest.
IPV4_PARTS = 4

PORTS = {"http": 80, "https": 443}  # the port where an address names none

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
# What stands before a path: a scheme, a host and a port, or nothing. In `https://user:pa/ss@host` no path has begun.
_BEFORE_PATH = re.compile(r"\s*[a-z][a-z0-9+.-]*://(?:\[[^\]]*\]|[^/?#@:\\]+)(?::[0-9]+)?[/?#]|/(?!/)", re.IGNORECASE)
# A part of an IPv4 address as inet_aton reads it: hexadecimal, octal or decimal.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Address:
    """An http(s) address: its scheme, its host in one form, its port, and the path and query as they are written."""

    scheme: str
    host: str  # lower-case ASCII; an IPv6 address has no brackets here
    port: int | None = None  # as it is written; None: that of the scheme
    path: str = ""  # with query and fragment

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a token belongs to: scheme, host and port."""
        return self.scheme, self.host, PORTS[self.scheme] if self.port is None else self.port

    @property
    def is_safe_for_token(self) -> bool:
        """Whether nobody else can read what is sent there: https, or a host that is near."""
        return self.scheme == "https" or is_near(self.host)


def read_address(text: str, *, login: bool = False) -> Address:
    """Read an http(s) address; with `login` it may have a user name and a password, as the address of a proxy may.

    Raises:
        ValueError: it is not one, or has a user name or a password. The text itself is never in the message.
    """
    if len(text) > MAX_ADDRESS:
        raise ValueError(f"is longer than {MAX_ADDRESS} characters")
    if not login and has_credentials(text):
        raise ValueError("has a user name or a password in its address, which is not shown here; write it without")
    if re.search(r"[\s\x00-\x1f\x7f\\\ud800-\udfff]", text):
        raise ValueError("is not an http(s) address")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:  # also what urlsplit raises, which may quote the text
        raise ValueError("is not an http(s) address") from None
    if parts.scheme not in PORTS or not host or port == 0:
        raise ValueError("is not an http(s) address")
    path = text[text.index("//") + 2 + len(parts.netloc) :]
    return Address(scheme=parts.scheme, host=host, port=port, path=path)


def has_credentials(text: str) -> bool:
    """Whether a text may hold a user name and a password before an @, however the @ is written.

    In a path an @ is harmless, but only where a scheme and a host stand before it.
    """
    if text.isascii() and "@" not in text and "%" not in text:
        return False
    plain = text
    for _ in range(3):  # %2540 is %40 is @
        plain = normalize("NFKC", unquote(plain))
    before_path = _BEFORE_PATH.match(plain)
    before, at, _ = (plain[: before_path.end()] if before_path else plain).partition("@")
    return bool(at) and bool(re.search(r":|//|\\", before))  # acme/demo@main is not an address


def is_near(host: str) -> bool:
    """Whether a host is a loopback or private address, or a name without dots, such as a service container's."""
    try:
        name = _host(host)
    except ValueError:
        return False
    address = _ip_address(name)
    if address is None:
        return bool(name) and "." not in name
    address = getattr(address, "ipv4_mapped", None) or address  # ::ffff:8.8.8.8 leads to 8.8.8.8
    # What listens on 0.0.0.0 is reached there, too, on this very machine.
    return address.is_loopback or address.is_unspecified or any(address in network for network in PRIVATE)


def is_host(text: str) -> bool:
    """Whether a text is a host as a DNS answer holds it, in lower case and ASCII."""
    return len(text) <= MAX_HOST and bool(_HOST.fullmatch(text)) and not text.endswith(".")


def _host(text: str) -> str:
    """Return a host in the one form that is judged and sent.

    Raises:
        ValueError: no client could ask for it.
    """
    name = text.removeprefix("[").removesuffix("]")
    if ":" in name:
        return str(ipaddress.IPv6Address(name.replace("%25", "%", 1)))  # RFC 6874 writes the % before a zone as %25
    name = unquote(name, errors="strict")
    if not name.isascii():
        # IDNA also takes 。and its kin for dots. Characters that look like ASCII become ASCII.
        name = name[: MAX_HOST + 1].encode("idna").decode("ascii")
    name = name.lower()
    if len(name) > MAX_HOST or (name and not _HOST.fullmatch(name)):
        raise ValueError("is not a host")
    return str(_ip_address(name) or name)


def _ip_address(name: str) -> IPAddress | None:
    """Return the address that a host is, if it is one to the C library.

    Raises:
        ValueError: it ends in a number and is not an address.
    """
    if ":" in name:
        return ipaddress.IPv6Address(name)
    parts = name.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    # Nobody's top-level domain is a number, so it is an address, or nothing (URL Standard, "ends in a number").
    if len(parts) > IPV4_PARTS or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError("is not an IPv4 address")
    *first, last = (int(part, _base(part)) if part != "0x" else 0 for part in parts)  # 08 is a ValueError, too
    room = 256 ** (IPV4_PARTS - len(first))  # the last part fills what the others leave
    if any(number > 255 for number in first) or last >= room:
        raise ValueError("is not an IPv4 address")
    return ipaddress.IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(first)) + last)


def _base(part: str) -> int:
    return 16 if part.startswith("0x") else 8 if part.startswith("0") else 10

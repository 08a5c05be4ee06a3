"""Addresses as an HTTP client understands them, so that what is judged is what will be asked.

A host can be written in many ways: `HUB.example.`, `hub。example`, `hub%2eexample`, `0x7f.1`. Two spellings of one
host are one host here, and a spelling that only some clients understand is judged by its worst reading.
"""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import unquote, urlsplit

# Addresses that the Internet has no way to. `is_private` of ipaddress says yes to those of documentation, too.
# Sources: RFC 1918, RFC 4193; RFC 3927 and RFC 4291 for a link of its own.
PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)
PORTS = {"http": 80, "https": 443}
# Longest address that is read; browsers and servers allow a few thousand characters.
MAX_ADDRESS = 2_000

# What no address holds: blanks, control characters, and the backslash, which browsers take for a slash.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
# The full stop that IDNA takes for a dot, and that NFKC leaves as it is (RFC 3490, section 3.1).
_IDEOGRAPHIC_DOT = "\u3002"
# A number of an IPv4 address as the C library reads it: hexadecimal, octal or decimal (inet_aton).
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_HOST = 253  # RFC 1035, section 2.3.4, without the last dot


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https address: its origin, and whether a user or a password stands in it."""

    scheme: str
    host: str
    port: int
    has_login: bool = False

    @property
    def origin(self) -> tuple[str, str, int]:
        """Where a token may go: the same scheme, host and port, and nowhere else."""
        return self.scheme, self.host, self.port


def read_address(text: str) -> Address:
    """Read an absolute http or https address.

    Raises:
        ValueError: it is not one; the message says what is wrong with it.
    """
    if len(text) > MAX_ADDRESS or _FORBIDDEN.search(text):
        raise ValueError("has characters that no address holds, or too many")
    parts = urlsplit(text)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("is not an http or https address")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("has a port that is not a number from 1 to 65535") from None
    if port == 0:
        raise ValueError("has a port that is not a number from 1 to 65535")
    host = canonical_host(parts.hostname)
    return Address(scheme=parts.scheme, host=host, port=port or PORTS[parts.scheme], has_login="@" in parts.netloc)


def canonical_host(host: str) -> str:
    """Return one spelling for all that name the same host."""
    plain = unicodedata.normalize("NFKC", unquote(host)).replace(_IDEOGRAPHIC_DOT, ".").lower()
    return plain.removesuffix(".") or plain


def is_host(text: str) -> bool:
    """Whether `text` is the name of a host as a DNS answer holds it, in lower case and ASCII."""
    return len(text) <= _MAX_HOST and all(_LABEL.fullmatch(label) for label in text.split("."))


def is_near(host: str) -> bool:
    """Whether nobody else listens on the way to `host`: a loopback or private address, or a name without dots.

    A name without dots is that of a service container or of a machine beside this one.
    """
    host = canonical_host(host)
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        number = _read_ipv4(host)
        if number is None:
            return bool(host) and "." not in host and not _NUMBER.fullmatch(host) and ":" not in host
        address = number
    # What is bound to 0.0.0.0 is reached there, too, on this very machine.
    return address.is_loopback or address.is_unspecified or any(address in network for network in PRIVATE)


def _read_ipv4(host: str) -> IPv4Address | None:
    """Read an IPv4 address as the C library does: 0x7f.1, 0177.0.0.1 and 2130706433 are 127.0.0.1 (inet_aton)."""
    parts = host.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) and len(part) < 20 for part in parts):
        return None
    try:
        *first, last = [_read_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return None
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(first)) + last)


def _read_number(text: str) -> int:
    if text.startswith("0x"):
        return int(text, 0)
    return int(text, 8 if text.startswith("0") else 10)

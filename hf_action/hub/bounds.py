"""Bounds of one exchange: its time from the first byte to the last, and the size of its answer.

The timeouts of httpx2 are for a single read, so a server that sends a byte now and then holds a request for ever: in
its headers, in answers like 100 that announce another, between two chunks, or after the last. httpcore2 hands the
timeout of a request to each of its reads and writes; here it is one that knows when the request has to be over.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any, Self

import httpcore2
import httpx2

# Bytes of one answer. The largest real ones are files that a rollback copies, of 10 MiB at most: larger ones are large
# files of Git LFS or Xet, which do not travel. Spaces with thousands of files and pages of listings are far smaller.
MAX_ANSWER_BYTES = 12 * 1024 * 1024
# Bytes that come for one answer in all: headers, what announces chunks, and answers before the answer count, too.
MAX_WIRE_BYTES = 2 * MAX_ANSWER_BYTES
# Bytes that gzip and deflate can make of one at most. Answers are asked for unpacked, but may come packed all the same.
MAX_INFLATION = 1032
PACKED = ("gzip", "deflate")
# Values in one answer: each takes some sixty bytes when it is read, however short it is. A Space with a hundred
# thousand files has two hundred thousand.
MAX_VALUES = 500_000
# Seconds that are given to a request which has none left, as a timeout of 0 means something else.
LEAST = 0.001


class Deadline(float):
    """Seconds for one step of a request, which know when all of the request has to be over.

    Not a field of a request: httpcore2 takes seconds, and hands them on as they are.
    """

    __slots__ = ("_end", "_received")
    _end: float
    _received: int

    def __new__(cls, seconds: float, *, end: float) -> Self:
        """Return seconds for one step, none of which lies behind the moment `end` of time.monotonic."""
        made = super().__new__(cls, max(min(seconds, end - time.monotonic()), LEAST))
        made._end = end
        made._received = 0
        return made

    def left(self, late: type[Exception]) -> float:
        """Return the seconds for the next step; raises `late` when all is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise late("the answer was still coming when its time was over")
        return min(float(self), left)

    def receive(self, size: int) -> None:
        """Count what came; raises httpcore2.RemoteProtocolError where it is too much."""
        self._received += size
        if self._received > MAX_WIRE_BYTES:
            raise httpcore2.RemoteProtocolError(f"more than {MAX_WIRE_BYTES >> 20} MiB came for one answer")


class BoundedSocket(httpcore2.NetworkStream):
    """A connection whose every read and write ends with the request it is for."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, at most `max_bytes`."""
        if not isinstance(timeout, Deadline):
            return self._stream.read(max_bytes, timeout)
        data = self._stream.read(max_bytes, timeout.left(httpcore2.ReadTimeout))
        timeout.receive(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        self._stream.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Go on over TLS."""
        left = _left(timeout, httpcore2.ConnectTimeout)
        return BoundedSocket(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - passed on as it comes
        """Return a fact about the connection."""
        return self._stream.get_extra_info(info)


class BoundedBackend(httpcore2.SyncBackend):
    """Makes connections, each within the time of its request, whatever number of addresses a name has."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of `host` that answers; the system's own way gives each the whole time."""
        error: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            left = _left(timeout, httpcore2.ConnectTimeout)
            try:
                return BoundedSocket(super().connect_tcp(*address, left, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
        raise error


class BoundedBody(httpx2.SyncByteStream):
    """The body of an answer, cut off where it gets too long."""

    def __init__(self, stream: httpx2.SyncByteStream, *, most: int) -> None:
        self._stream = stream
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > self._most:
                raise httpx2.RemoteProtocolError(f"an answer of more than {MAX_ANSWER_BYTES >> 20} MiB")
            yield chunk

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()


def bound_connections(client: httpx2.Client) -> None:
    """Have a client make its connections here, those by way of proxies, too.

    httpx2 has no public way to choose a backend; a version with other names fails with the first client.
    """
    for transport in {client._transport, *client._mounts.values()} - {None}:  # noqa: SLF001 - see above
        transport._pool._network_backend = BoundedBackend()  # type: ignore[union-attr]  # noqa: SLF001 - see above


def bound_body(response: httpx2.Response) -> None:
    """Bound what is read of an answer.

    Raises:
        httpx2.RemoteProtocolError: it is packed in a way whose size when unpacked nobody can tell.
    """
    packed = [name for name in response.headers.get_list("content-encoding", split_commas=True) if name != "identity"]
    if len(packed) > 1 or not {name.lower() for name in packed} <= {*PACKED, ""}:
        raise httpx2.RemoteProtocolError("an answer that is packed more than once, or in an unknown way")
    assert isinstance(response.stream, httpx2.SyncByteStream)  # as all streams of a synchronous client
    response.stream = BoundedBody(response.stream, most=MAX_ANSWER_BYTES // (MAX_INFLATION if packed else 1))


def check_values(response: httpx2.Response) -> None:
    """Check how much an answer that has been read would be as JSON; raises httpx2.RemoteProtocolError for too much."""
    if sum(map(response.content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise httpx2.RemoteProtocolError(f"an answer of more than {MAX_VALUES:,} values")


def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    """Return the addresses of a name, each with the port; raises httpcore2.ConnectError where there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore2.ConnectError(error) from error
    except (OverflowError, UnicodeError) as error:  # a port of six digits, a name with a label of hundreds
        raise httpcore2.ConnectError(f"{host[:100]!r} at port {port} is not an address") from error
    return [(_name(*address), int(address[1])) for *_, address in found]


def _name(address: str | int, port: str | int, flow: int = 0, scope: int = 0) -> str:  # noqa: ARG001 - as socket has it
    return f"{address}%{scope}" if scope else str(address)


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    return timeout.left(late) if isinstance(timeout, Deadline) else timeout

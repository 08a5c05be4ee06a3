"""A server that sends bytes as a test says, for answers that no HTTP library would send."""

import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.network import PATIENCE

Script = Callable[[socket.socket, bytes], None]


@dataclass
class Raw:
    """Where the server listens, what it answers, and the requests that came."""

    port: int
    script: Script
    asked: list[bytes] = field(default_factory=list)


@contextmanager
def raw_server(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Raw]:
    """Serve until the block ends: `script` gets each connection with what was read of its request."""
    listener = socket.create_server(("127.0.0.1", 0))
    raw, over = Raw(port=listener.getsockname()[1], script=script), threading.Event()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(PATIENCE)
            secure = tls.wrap_socket(connection, server_side=True) if tls else connection
            with secure:
                raw.asked.append(read_request(secure))
                raw.script(secure, raw.asked[-1])

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            if over.is_set():
                connection.close()
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield raw
    finally:
        over.set()
        socket.create_connection(("127.0.0.1", raw.port)).close()  # wakes the thread that accepts
        # A thread that were still about to accept could do so for the next server: the system gives it the same number.
        accepting.join()
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    """Read a request: its head comes at once, its body may come later. Of what is no HTTP, read what comes first.

    Where a connection is closed before all of a request is read, the system resets it, and the answer may be lost.
    """
    asked = connection.recv(65536)
    head, _, body = asked.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    left = int(length[1]) - len(body) if length else 0
    while left > 0 and (more := connection.recv(left)):
        asked, left = asked + more, left - len(more)
    return asked


def answering(head: str, body: bytes = b"", *, status: str = "200 OK") -> Script:
    """Answer every request with a status, headers and a body whose length is told, and hang up."""

    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\n{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode("latin-1"))
        connection.sendall(body)

    return script


def forever(start: bytes, again: bytes, *, pause: float) -> Script:
    """Send `start`, then `again` and again until nobody listens."""

    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        while not select.select([connection], [], [], pause)[0]:  # there is something to read: that it was hung up
            connection.sendall(again)

    return script

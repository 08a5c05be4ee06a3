"""A stand-in for github.com where files are fetched from it: a proxy that answers for it, with certificates of its own.

`hf extensions install` writes the addresses into its code, so only a proxy can lead it here. Whoever else is asked for
gets no answer, so nothing leaves this machine.
"""

import io
import ssl
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from tests.support.serving import serving

HEAD = "5" * 40
# What a package is built from.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "hf_action/**/*.py")


class Proxy(ThreadingHTTPServer):
    """A proxy that is the one end of every connection that it is asked for."""

    daemon_threads = True

    def __init__(self, root: Path, repository: str, authority: trustme.CA) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.root, self.repository, self.asked = root, repository, []
        self.contexts = {}
        for host in ("github.com", "raw.githubusercontent.com"):
            self.contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(host).configure_cert(self.contexts[host])

    def handle_error(self, *_) -> None:
        """A client that hangs up does not fail a test."""


class Answers(BaseHTTPRequestHandler):
    """What GitHub answers of one public repository."""

    protocol_version = "HTTP/1.1"
    server: Proxy
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.partition(":")[0]
        context = self.server.contexts.get(self.host)
        self.send_response(200 if context else 502)
        self.end_headers()
        if context:
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.close_connection = not context

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.host}{self.path}")
        body = self.body()
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def finish(self) -> None:
        """Close the connection within the other one, too."""
        super().finish()
        self.connection.close()

    def body(self) -> bytes | None:
        """Return what stands at an address."""
        path = self.path.removeprefix(f"/{self.server.repository}")
        if self.host == "raw.githubusercontent.com":
            file = self.server.root / path.removeprefix("/HEAD/")
            return file.read_bytes() if file.is_file() else None
        match path:
            case "":
                return b"<html>"
            case "/archive/HEAD.zip":
                return archive(self.server.root)
            case ".git/info/refs?service=git-upload-pack":
                return f"001e# service=git-upload-pack\n0000004d{HEAD} HEAD\0symref=HEAD:refs/heads/main\n0000".encode()
            case _:
                return None

    def log_message(self, *_) -> None:
        """Print nothing."""


def archive(root: Path) -> bytes:
    """Return the sources as GitHub packs them: below one folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted(path for pattern in SOURCES for path in root.glob(pattern)):
            file.write(path, f"hf-space-{HEAD}/{path.relative_to(root)}")
    return packed.getvalue()


@contextmanager
def github(root: Path, *, repository: str, folder: Path) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """Serve the files below `root` as a repository; yield the proxy, and the variables that lead programs to it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    proxy = Proxy(root, repository, authority)
    trust = {name: str(folder / "ca.pem") for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")}
    with serving(proxy):
        yield proxy, trust | {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_port}"}

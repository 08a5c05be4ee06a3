"""`python -m simhub`: the showcase in real time, or a recording, for `hf spaces`, the action, or a curious hand."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from simhub.access import Meter, Token
from simhub.recording import NotARecordingError, read_recording
from simhub.replay import Replay, replay
from simhub.scenarios import CROWD_OWNERS, crowd, showcase
from simhub.server import Certificates, Request, Server, serve
from simhub.world import TOKENS, World


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    options = parse(argv)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts what it puts in the background deaf to SIGINT
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        tls = Certificates(Path(stack.enter_context(TemporaryDirectory(prefix="simhub-")))) if options.tls else None
        on_request = None if options.quiet else show_request
        if options.replay:
            return play(options, tls=tls, on_request=on_request)
        serving = serve(demo(options), host=options.host, port=options.port, tls=tls, on_request=on_request)
        try:
            server = stack.enter_context(serving)
        except OSError as error:
            return cannot_listen(options, error)
        print(introduction(server, tls=tls, more=options.spaces), flush=True)
        threading.Event().wait()
    return 0


def play(options: argparse.Namespace, tls: Certificates | None, on_request: Callable[[Request], None] | None) -> int:
    """Serve a recording until interrupted; return the exit status."""
    try:
        recording = read_recording(Path(options.replay), part=options.part)
    except (OSError, NotARecordingError) as error:
        print(f"simhub: {error}", file=sys.stderr)
        return 2
    serving = replay(
        recording,
        time.monotonic,
        host=options.host,
        port=options.port,
        tls=tls,
        speed=options.speed,
        patience=1 / options.speed,
        on_request=on_request,
    )
    with ExitStack() as stack:
        try:
            served = stack.enter_context(serving)
        except OSError as error:
            return cannot_listen(options, error)
        print(about(served, tls=tls), flush=True)
        threading.Event().wait()
    return 0


def cannot_listen(options: argparse.Namespace, error: OSError) -> int:
    """Say that the address is taken; return the exit status."""
    print(f"simhub: cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
    print("simhub: choose another port with --port, 0 for any free one", file=sys.stderr)
    return 2


def about(served: Replay, tls: Certificates | None) -> str:
    """Return how to meet the recording, and how the step ended that was recorded."""
    recording = served.recording
    settings = f"HF_ENDPOINT={served.url}"
    if recording.head.get("access") != "none":
        settings += " HF_TOKEN=hf_simulatedwrite"
    if tls is not None:
        settings += f" SSL_CERT_FILE={tls.ca_file}"
    result = recording.outputs.get("result", "not known: the step did not come to its end")
    return "\n".join(
        [
            f"A recording is at {served.url} (Ctrl-C ends it). In another shell:",
            "",
            f"  export {settings}",
            f"  {served.leads_here(recording.command)}",
            "",
            f"It has {len(recording.exchanges)} exchanges. The step ended so: {result}.",
            "",
        ]
    )


def demo(options: argparse.Namespace) -> World:
    """Return the world of the showcase and of the crowd asked for, in which it is 0 s now."""
    began = time.monotonic()
    meter = Meter() if options.quota is None else Meter(quota=options.quota, anonymous_quota=options.quota)
    tokens = {secret: _with_crowd(token) for secret, token in TOKENS.items()}
    world = World(now=lambda: (time.monotonic() - began) * options.speed, tokens=tokens, meter=meter)
    for space in (*showcase(), *crowd(options.spaces)):
        world.add(space)
    return world


def _with_crowd(token: Token) -> Token:
    """Return the token with the same rights to the owners of the crowd as to those it has already."""
    owners, writes = (rights and rights.union(CROWD_OWNERS) for rights in (token.owners, token.writes))
    return replace(token, owners=owners, writes=writes)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the options; exits with 2 on a mistake."""
    parser = argparse.ArgumentParser(prog="python -m simhub", description="A simulated Hugging Face Hub for Spaces.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", default=8088, type=_port, help="port to listen on, 0 for any free one (default: 8088)"
    )
    parser.add_argument("--speed", default=1.0, type=_speed, help="how many times faster than life (default: 1)")
    parser.add_argument("--quota", type=_whole, metavar="N", help="requests per five minutes (default: as on the Hub)")
    parser.add_argument(
        "--spaces",
        default=0,
        type=_whole,
        metavar="N",
        help=f"add N ordinary Spaces of {', '.join(CROWD_OWNERS)} (default: 0)",
    )
    parser.add_argument("--replay", metavar="FILE", help="answer as in a recording, see hf-space --record")
    parser.add_argument("--part", default=1, type=_whole, metavar="N", help="which recording of that file (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="do not show the requests")
    parser.add_argument("--tls", action="store_true", help="serve https, with a certificate made for the occasion")
    return parser.parse_args(argv)


def introduction(server: Server, tls: Certificates | None, more: int = 0) -> str:
    """Return what to set to use the server, and what its Spaces show; `more` are not shown one by one."""
    settings = f"HF_ENDPOINT={server.url} HF_TOKEN=hf_simulatedwrite"
    if tls is not None:
        settings += f" SSL_CERT_FILE={tls.ca_file}"
    spaces = [f"  {space.id:<20} {server.world.state(space.id).stage:<14} {space.title}" for space in showcase()]
    if more:
        owners = ", ".join(CROWD_OWNERS)
        spaces += ["", f"and {more} ordinary ones of {owners}: hf spaces ls --author {CROWD_OWNERS[0]}"]
    return "\n".join(
        [
            f"A simulated Hub is at {server.url} (Ctrl-C ends it). In another shell:",
            "",
            f"  export {settings}",
            "  hf spaces info demo/running",
            "",
            "Its Spaces:",
            "",
            *spaces,
            "",
        ]
    )


def show_request(request: Request) -> None:
    """Print one line about a request."""
    query = f"?{request.query}" if request.query else ""
    who = "" if request.authenticated else "  anonymous"
    with suppress(OSError):  # a closed terminal must not make answers worse
        print(f"{request.at:8.1f}s  {request.status or '---'}  {request.method} {request.path}{query}{who}", flush=True)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _port(text: str) -> int:
    if _whole(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed")
    return speed


if __name__ == "__main__":
    sys.exit(main())

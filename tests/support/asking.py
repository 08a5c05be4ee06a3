"""What a request to the simulated Hub is for, where its path alone does not say."""

from simhub.server import Request


def reads_log(request: Request) -> bool:
    """Whether a log is read for its lines; one that is followed for its end is asked for one line."""
    return "/logs/" in request.path and request.query != "tail=1"

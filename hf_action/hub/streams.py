"""What the Hub streams: the status events of a Space, and its build and run logs.

Both are Server-Sent Events that need not end. Sources: huggingface_hub, hf_api.py, _stream_sse_events;
tests/samples/streams.txt and evidence.json, "status events" and "run log".
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2
from huggingface_hub.utils import get_session

from hf_action.hub.bounds import MAX_ANSWER_BYTES
from hf_action.rules.models import MalformedAnswer

# Seconds without a sign of life after which a stream of events is dead. Other streams of the Hub give one every half
# minute (huggingface_hub, hf_api.py, fetch_job_logs).
SILENCE = 90.0
# The same for the log of a build: a client of it may rely on less, as losing it costs no more than some looks.
SILENCE_OF_A_LOG = 45.0
# Bytes of one status event, and characters of its data that are handed on.
MAX_EVENT_BYTES = 64 * 1024
MAX_EVENT_TEXT = 200
# Seconds without another line after which all of a log that there is has come (huggingface_hub, fetch_space_logs).
LOG_PAUSE = 5.0
# How much later than the start of the answer a line may be from; the Hub's `Date` counts whole seconds.
LOG_SLACK = timedelta(seconds=1)

Notice = Callable[[str, str], bool]


def follow_events(url: str, *, headers: dict[str, str], connect: float, notice: Notice) -> None:
    """Call `notice` with the name and data of each event, until it returns False.

    It is called with nothing once events may come, and at each sign of life.
    """
    timeout = httpx2.Timeout(connect, read=SILENCE)
    with _events(url, headers=headers, timeout=timeout, lasting=True, most=MAX_EVENT_BYTES) as (_, events):
        if not notice("", ""):
            return
        for name, data in events:
            told = (name, data[:MAX_EVENT_TEXT]) if data.strip() else ("", "")
            if not notice(*told):
                return


def follow_log(url: str, *, headers: dict[str, str], connect: float, alive: Callable[[], bool]) -> None:
    """Return when a log ends; `alive` is called once it is open and at each sign of life, until it returns False.

    Raises httpx2.ReadTimeout where nothing came for SILENCE_OF_A_LOG seconds.
    """
    timeout = httpx2.Timeout(connect, read=SILENCE_OF_A_LOG)
    tail, most = {"tail": "1"}, MAX_ANSWER_BYTES
    with _events(url, headers=headers, timeout=timeout, params=tail, lasting=True, most=most) as (_, events):
        while alive() and next(events, None):
            pass


def read_log(url: str, *, headers: dict[str, str], lines: int) -> Iterator[str]:
    """Yield what a log has now, its last `lines` if the Hub heeds it: one text for each event, of one line or more."""
    params = {"tail": str(lines)}
    timeout = httpx2.Timeout(LOG_PAUSE)
    with _events(url, headers=headers, timeout=timeout, params=params, most=MAX_ANSWER_BYTES) as (response, events):
        end = _date(response.headers.get("date", ""))
        try:
            for _, data in events:
                text, stamp = _line(data)
                if end and stamp and stamp > end + LOG_SLACK:  # what is written from now on
                    return
                if text:
                    yield text
        except httpx2.ReadTimeout:
            return  # the log of a running Space stays open


def open_stream(url: str, *, headers: dict[str, str]) -> None:
    """Open a stream of events and close it again; raises where there is none to be read."""
    with _events(url, headers=headers, timeout=httpx2.Timeout(LOG_PAUSE), params={"tail": "1"}, most=MAX_EVENT_BYTES):
        return


@contextmanager
def _events(
    url: str,
    *,
    headers: dict[str, str],
    timeout: httpx2.Timeout,
    most: int,
    params: dict[str, str] | None = None,
    lasting: bool = False,
) -> Iterator[tuple[httpx2.Response, Iterator[tuple[str, str]]]]:
    """Open a stream of events: its answer, and the name and data of each event."""
    extensions = {"lasting": True} if lasting else {}
    with get_session().sse(
        url, headers=headers, timeout=timeout, params=params, extensions=extensions, max_event_size=most
    ) as source:
        if not source.response.headers.get("content-type", "").startswith("text/event-stream"):
            raise MalformedAnswer("it is not a stream of events")
        yield source.response, ((event.event, event.data) for event in source)


def _line(data: str) -> tuple[str, datetime | None]:
    """Read an event of a log: its text and its time, nothing where it has none; raises ValueError for broken JSON."""
    event = json.loads(data) if data.startswith("{") else {}
    text, stamp = event.get("data"), event.get("timestamp")
    return text if isinstance(text, str) else "", _iso(stamp) if isinstance(stamp, str) else None


def _iso(stamp: str) -> datetime | None:
    """Read the time of a line; None where it is not one, or does not say of which zone."""
    try:
        read = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return read if read.tzinfo else None


def _date(header: str) -> datetime | None:
    """Read when an answer began; None where it does not say."""
    try:
        read = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return read if read.tzinfo else None

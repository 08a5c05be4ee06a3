"""What the runner's own ways of printing promise, without a step."""

import io
import sys

import pytest

from hf_action.runner.github import Runner
from hf_action.runner.log import HEARTBEAT, Log


def test_a_stream_with_less_than_that_of_python_will_do(monkeypatch):
    """What somebody puts in the place of stdout may not let itself be told which characters it takes."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    Runner().info("a line")
    assert sys.stdout.getvalue() == "a line\n"


@pytest.mark.parametrize(("asked", "printed"), [("1", "debug: why\n"), ("true", ""), (None, "")])
def test_what_is_for_debugging_is_printed_where_it_is_asked_for(asked, printed, monkeypatch, capsys):
    """GitHub sets RUNNER_DEBUG to 1, and to nothing else."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("RUNNER_DEBUG", raising=False)
    if asked:
        monkeypatch.setenv("RUNNER_DEBUG", asked)
    Runner().debug("why")
    assert capsys.readouterr().out == printed


def test_a_log_that_was_silent_for_long_says_what_is_waited_for(clock, monkeypatch, capsys):
    """And says it once, until there was silence again."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    log = Log(clock=clock, runner=Runner(), began=clock.now())
    for seconds, lines in ((HEARTBEAT, 0), (2.0, 1), (2.0, 0), (HEARTBEAT, 1)):
        clock.advance(seconds)
        log.beat()
        assert capsys.readouterr().out.count("still waiting: starting") == lines

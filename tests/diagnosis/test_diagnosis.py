"""What is looked at to name a cause, in which order, and what is shown where no word fits."""

import re
from itertools import pairwise

import pytest

from hf_action.diagnosis import Diagnosis, diagnose
from hf_action.diagnosis.causes import CAUSES
from hf_action.diagnosis.page import draw_page

CRASH = 'Traceback (most recent call last):\n  File "/home/user/app/app.py", line 3, in <module>\n    import torch\nModuleNotFoundError: No module named \'torch\'\n'


def diagnosed(stage="RUNTIME_ERROR", message=None, log="", kind=None):
    return diagnose(stage=stage, message=message, log=log.splitlines(keepends=True), log_kind=kind)


@pytest.mark.parametrize("stage", ["RUNNING", "BUILDING", "APP_STARTING", "RUNNING_BUILDING", "A_NEW_ONE"])
def test_a_space_that_is_not_broken_has_no_diagnosis(stage):
    """Whatever its log and its last message hold: they may be of the version before."""
    assert diagnosed(stage, "Memory limit exceeded (16Gi)", CRASH) is None


@pytest.mark.parametrize("stage", ["PAUSED", "SLEEPING", "STOPPED", "DELETING"])
def test_a_resting_space_is_diagnosed_by_its_message_alone(stage):
    """Without one somebody wanted it to rest; its log tells of a time when it ran."""
    assert diagnosed(stage, None, CRASH) is None
    assert diagnosed(stage, "Quota exceeded for flavor cpu-basic (requested=1): current=0, limit=0", CRASH).cause == "quota-reached"
    assert diagnosed(stage, "Paused by an administrator", CRASH) == Diagnosis(evidence="Paused by an administrator")


def test_quota_is_not_helped_by_other_hardware_or_a_restart():
    """Free hardware is what is refused, and a restart is refused, too."""
    remedy = diagnosed("PAUSED", "Quota exceeded for flavor cpu-basic (requested=1): current=8, limit=8").remedy
    assert "Pause other Spaces" in remedy and "plan" in remedy
    assert not re.search(r"(?i)free hardware|restart", remedy)


def test_nothing_said_is_nothing_shown():
    """A crash of which neither a message nor a line is known has no diagnosis."""
    assert diagnosed() is None and diagnosed("BUILD_ERROR", "", "\n\n===== Build Queued at 2026-01-01 00:00:00 / Commit SHA: 1 =====\n") is None


def test_the_hubs_own_word_decides_over_the_log():
    """What ended the container is not what the app complained of before."""
    found = diagnosed(message="Memory limit exceeded (16Gi)", log=CRASH)
    assert (found.cause, found.evidence) == ("out-of-memory", "Memory limit exceeded (16Gi)")


def test_a_message_of_an_exit_code_is_general_and_the_log_decides():
    """The message names the code alone; the log has the exception."""
    assert diagnosed(message="Exit code: 1. Reason: ", log=CRASH).cause == "module-not-installed"
    assert diagnosed("BUILD_ERROR", "Job failed with exit code: 1", "ERROR: No matching distribution found for zzz\n").cause == "package-not-found"


def test_of_a_message_that_holds_the_end_of_the_log_the_end_counts():
    """Its beginning is cut in the middle of a line, and may hold half a secret."""
    found = diagnosed(message="Exit code: 1. Reason: 9fd2a0 in header\n" + CRASH)
    assert (found.cause, found.evidence) == ("module-not-installed", "ModuleNotFoundError: No module named 'torch'")


def test_a_message_without_an_exit_code_may_be_a_log_all_the_same():
    """Then it is read as one, since no word of the Hub is in it."""
    assert diagnosed(message=CRASH).cause == "module-not-installed"


def test_steps_and_statistics_are_no_evidence():
    """The Hub lists what was not cached, by whatever name it goes."""
    message = 'Job failed with exit code: 1. Reason: cache miss: [2/3] RUN echo "payment required, dev mode, 137"\n{"total":25,"completed":19}'
    assert diagnosed("BUILD_ERROR", message).cause == "build-step-failed"
    assert diagnosed("BUILD_ERROR", message).evidence == "Job failed with exit code: 1."


def test_the_other_log_is_not_looked_at():
    """A build log tells nothing of a crash, and the run log of the version before nothing of a failed build."""
    assert diagnosed("RUNTIME_ERROR", "Exit code: 1. Reason: ", CRASH, kind="build").cause == "app-error"
    assert diagnosed("BUILD_ERROR", None, CRASH, kind="run") is None


def test_a_killed_build_without_words_has_no_word():
    """Its exit code tells that it was ended, not by whom."""
    assert diagnosed("BUILD_ERROR", "Job failed with exit code: 129") == Diagnosis(evidence="Job failed with exit code: 129")


def test_settings_that_the_hub_refuses_are_not_blamed_on_the_readme():
    """A configuration error may be one of volumes or hardware; where the message says so, README.md is not named."""
    assert diagnosed("CONFIG_ERROR", "The volume models could not be mounted").cause == ""
    assert diagnosed("CONFIG_ERROR", "Duplicate key at line 3").cause == "readme-config"


def test_the_last_exception_that_ended_the_app_is_shown():
    """Not one before it that was handled, and not the general one behind it."""
    log = (
        "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in <module>\n    import fast\nModuleNotFoundError: No module named 'fast'\n"
        "fast is not there, falling back to slow\n"
        'Traceback (most recent call last):\n  File "/app/a.py", line 9, in <module>\nZeroDivisionError: division by zero\n'
        "ERROR:    Application startup failed. Exiting.\n"
    )
    assert diagnosed(log=log).evidence == "ZeroDivisionError: division by zero"


def test_an_error_that_only_reports_another_is_shown_where_nothing_else_is():
    """The first of them, which is the nearest to the reason."""
    assert diagnosed(log='npm error Missing script: "start"\nnpm error\nnpm error To see a list of scripts, run:\n').evidence == 'npm error Missing script: "start"'
    assert diagnosed(log="[ERROR] cannot read /etc/x.conf: no rights\nexit status 1\n").evidence == "[ERROR] cannot read /etc/x.conf: no rights"
    found = diagnosed(log="could not connect: failed\nERROR: server exited before readiness\n")
    assert found.evidence == "could not connect: failed"


def test_the_last_words_are_shown_where_nothing_looks_like_an_error():
    """So there is evidence for every broken Space that has said anything, but no word."""
    assert diagnosed(log="Loading\nBye\n\n") == Diagnosis(evidence="Bye")
    assert diagnosed("BUILD_ERROR", None, "DONE 1.0s\n--> Exporting cache\n") == Diagnosis(evidence="--> Exporting cache")


def test_a_traceback_that_ends_in_the_middle_is_no_exception():
    """The exception before it in the chain is what is known."""
    log = (
        CRASH + "\nDuring handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\n'
    )
    assert diagnosed(log=log).evidence == "ModuleNotFoundError: No module named 'torch'"


def test_other_threads_may_print_into_a_traceback():
    """A few lines of them are passed over; where there are many, the exception is looked for behind them."""
    lines = CRASH.splitlines()
    for between in (1, 2, 6):
        log = "\n".join([*lines[:2], *["worker 7 is busy"] * between, *lines[2:]])
        assert diagnosed(log=log).evidence == "ModuleNotFoundError: No module named 'torch'"


def test_a_group_of_exceptions_shows_the_one_inside():
    """Python draws lines around it."""
    log = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/app/a.py", line 3, in <module>\n'
        "  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n"
        "  +-+---------------- 1 ----------------\n"
        "    | Traceback (most recent call last):\n"
        '    |   File "/app/b.py", line 9, in serve\n'
        "    | OSError: [Errno 28] No space left on device\n"
        "    +------------------------------------\n"
    )
    assert diagnosed(log=log).cause == "disk-full"


def test_a_traceback_in_one_line_is_read():
    """As in a message that was copied from a page."""
    text = 'Exit code: 1. Reason: x Traceback (most recent call last): File "/app/a.py", line 1, in <module> RuntimeError: Found no NVIDIA driver on your system.'
    assert diagnosed(message=text).cause == "no-gpu"


def test_prefixes_and_colours_are_taken_off():
    """What other programs put before each line hides nothing."""
    for prefix in ("\x1b[31m", "[rank0]: ", "(EngineCore_0 pid=41) ", "2026-03-02 09:16:41 ", "2026-03-02T09:16:41.123456Z "):
        found = diagnosed(log="".join(f"{prefix}{line}\x1b[0m\n" for line in CRASH.splitlines()))
        assert found.evidence == "ModuleNotFoundError: No module named 'torch'", prefix
    assert diagnosed("BUILD_ERROR", None, '#9 0.412 E: Unable to locate package zzz\n#9 ERROR: process "/bin/sh -c apt-get install zzz" did not complete successfully: exit code: 100\n').evidence == "E: Unable to locate package zzz"


def test_a_long_line_is_cut_between_words():
    """So a secret is in the evidence as a whole, where it is recognized and removed, or not at all."""
    secret = "hf_" + "x" * 34
    for length in range(1_970, 2_010, 3):
        evidence = diagnosed(log=f"RuntimeError: {'y' * (length - 15)} {secret} and more\n").evidence
        assert len(evidence) <= 2_000
        assert secret in evidence or "hf_" not in evidence
    assert diagnosed(log="z" * 5_000 + "\n") is None


def test_only_the_end_of_a_long_log_is_looked_at():
    """The reason of a crash does not stand thousands of lines before its end."""
    assert diagnosed(log=CRASH + "tick\n" * 2_500).evidence == "tick"


def test_the_page_has_a_row_for_each_word():
    """With its fault, how it looks, and what to do; no cell breaks the table."""
    page = draw_page()
    rows = [line for line in page.splitlines() if line.startswith("| `") and not line.startswith("| `cause`")]
    assert [re.match(r"\| `([\w-]+)` \|", row)[1] for row in rows] == [cause.word for blame in ("app", "settings", "account", "hub") for cause in CAUSES if cause.blame == blame]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)
    assert not any(first.startswith("|") and not second.startswith("|") and second for first, second in pairwise(page.splitlines()))

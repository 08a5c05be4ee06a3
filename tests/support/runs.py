"""How the tests are run: in which order, and where coverage is measured.

Coverage makes a test up to twice as slow, and costs a process 0.2 s of the processor. It is not measured where others
reach all branches: in matrices and attacks of thousands of cases, in most tests that start processes, and where the
action does not run at all. `make quick` fails where a branch is reached by these alone; MEASURED is for such a test.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

TESTS = Path(__file__).parent.parent
# Folders, files, or tests of them.
UNMEASURED = (
    "browser/", "container/", "live/", "project/", "simhub/", "diagnosis/test_hostile.py", "rules/test_json_text.py", "runner/test_terminal.py", "step/test_budget.py",
    "step/test_cancel_many.py", "step/test_command.py", "step/test_doctor.py", "step/test_hostile.py", "step/test_leaks.py", "step/test_main.py", "step/test_shell.py",
    "hub/test_bounds.py::test_no_answer_fills_the_memory[", "hub/test_faults.py::test_the_fault_matrix", "hub/test_replay.py::test_a_replay_ends_as_the_recorded_step",
    "hub/test_replay.py::test_an_anonymous_recording_ends_so_too", "inputs/test_fleet.py::test_many_mistakes_show_twenty_and_a_count", "operations/test_listening.py::test_a_stream_that_falls_silent",
    "operations/test_many.py::test_a_lagging_listing", "operations/test_rollback.py::test_whatever_goes_wrong", "rules/test_recording.py::test_the_largest_body",
    "step/test_attacks_machine.py::test_a_log_", "step/test_attacks_machine.py::test_a_machine_without_threads", "step/test_attacks_machine.py::test_a_strange_place",
    "step/test_attacks_machine.py::test_ten_thousand_spaces", "step/test_attacks_machine.py::test_the_array_of_spaces", "truth/test_false_red.py", "truth/test_listings.py", "truth/test_restore.py",
)  # fmt: skip
# Tests of those that are measured all the same: they reach what no other does.
MEASURED = (
    "hub/test_faults.py::test_the_fault_matrix[http, connection refused always, write]", "hub/test_faults.py::test_the_fault_matrix[https, TLS of a stranger once, waiting]",
    "hub/test_faults.py::test_the_fault_matrix[http, redirect to another host once, write]", "operations/test_rollback.py::test_whatever_goes_wrong_it_is_done_once_and_whole_or_not_at_all[look-412-once]",
    "operations/test_rollback.py::test_whatever_goes_wrong_it_is_done_once_and_whole_or_not_at_all[commit-409-once]",
    "operations/test_rollback.py::test_whatever_goes_wrong_it_is_done_once_and_whole_or_not_at_all[ids of what was there-missing fields-once]",
    "runner/test_terminal.py::test_a_machine_without_threads", "runner/test_terminal.py::test_a_report_by_the_watchdog", "runner/test_terminal.py::test_a_space_cannot_command_the_terminal",
    "runner/test_terminal.py::test_a_space_has_one_line_that_moves", "runner/test_terminal.py::test_lines_that_move_need_no_heartbeat", "runner/test_terminal.py::test_what_is_said_after_the_end",
    "runner/test_terminal.py::test_what_the_step_does_before", "step/test_attacks_machine.py::test_a_log_as_file_of_outputs_is_not_erased[/dev/fd/1]",
    "step/test_attacks_machine.py::test_a_log_that_cannot_be_written_changes_no_result[$hf_space --completion bash | true-0]",
    "step/test_attacks_machine.py::test_a_log_that_cannot_be_written_changes_no_result[$hf_space info a/b/c >&--2]", "step/test_command.py::test_completion_is_for_three_shells",
    "step/test_command.py::test_the_name_alone", "step/test_doctor.py::test_it_is_not_an_operation", "step/test_main.py::test_help_and_version_need_nothing",
    "step/test_shell.py::test_a_file_that_may_not_be_read", "step/test_shell.py::test_a_login_that_cannot_be_read", "step/test_shell.py::test_another_format_is_a_mistake",
    "step/test_shell.py::test_help_behind_an_operation", "step/test_shell.py::test_quiet_folds_no_log", "step/test_shell.py::test_quiet_on_github", "step/test_shell.py::test_the_detail_says_what_is_known",
    "step/test_shell.py::test_words_that_other_commands_have", "truth/test_false_red.py::test_red_is_true[Dev Mode, and a restart]",
    "truth/test_false_red.py::test_red_is_true[hot-reloaded, with the old commit told]", "truth/test_listings.py::test_a_listing_is_no_truth[wait where a listing says RUNNING of a Space in PAUSED]",
    "truth/test_listings.py::test_a_listing_is_no_truth[a listing that says RUNNING of what was deleted]",
)  # fmt: skip
# These take longest, and come first: at the end there would be nothing beside them for the other cores.
LONGEST = (
    "operations/test_rollback.py", "hub/test_faults.py", "project/test_release.py", "browser/test_summary.py", "step/test_cancel.py", "step/test_attacks_machine.py", "runner/test_terminal.py",
    "hub/test_replay.py", "diagnosis/test_hostile.py", "step/test_leaks.py", "operations/test_many.py", "step/test_shell.py", "hub/test_bounds.py", "step/test_cancel_many.py",
    "truth/test_restore.py", "truth/test_false_red.py", "hub/test_logs.py", "project/test_composite.py", "project/test_extension.py", "step/test_command.py",
)  # fmt: skip


def name(item: pytest.Item) -> str:
    """Return the file of a test, and its own name."""
    file = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
    return f"{file}::{item.name}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others, and the tests of each file, stay in the random order they have."""
    ranks = {file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(name(item).partition("::")[0], len(ranks)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Measure nothing while one of those tests runs, nor in the processes that it starts."""
    measured = coverage.Coverage.current()
    if measured is None or not name(item).startswith(UNMEASURED) or name(item).startswith(MEASURED):
        return (yield)
    measured.stop()
    config = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    try:
        return (yield)
    finally:
        if config is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = config
        measured.start()

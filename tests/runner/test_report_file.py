"""All outputs as one JSON document in the workspace, whatever became of the step, and nowhere else."""

import json

import pytest

from hf_action.runner.github import Runner
from simhub.faults import Fault, Kind
from simhub.world import Space


def test_it_has_all_outputs_as_they_are(run, world, workspace):
    """Numbers as numbers, and no Space cut short."""
    world.add(Space(id="acme/two"))
    found = run("list", "acme/*", report_file="out/report.json")
    report = json.loads((workspace / "out" / "report.json").read_text())
    assert report.keys() == found.outputs.keys()
    assert (report["count"], report["result"], report["spaces"]) == (2, "ok", json.loads(found.outputs["spaces"]))


def test_it_is_of_any_size(run, world, workspace, monkeypatch):
    """The output `spaces` leaves out what does not fit."""
    monkeypatch.setattr("hf_action.report.outputs.MAX_SPACES_BYTES", 400)
    for number in range(5):
        world.add(Space(id=f"acme/space-{number}"))
    found = run("list", "acme/*", report_file="report.json")
    report = json.loads((workspace / "report.json").read_text())
    assert "timeline" not in found.outputs["spaces"] and all(each["timeline"] for each in report["spaces"])


@pytest.mark.parametrize(
    ("words", "fault", "result"),
    [
        (("restart", "acme/demo"), Fault(kind=Kind.STATUS, status=403, method="POST"), "denied"),
        (("info", "acme/none"), None, "not-found"),
        (("restrat", "acme/demo"), None, "invalid-input"),
        (("pause", "acme/demo", "--timeout=soon"), None, "invalid-input"),
    ],
)
def test_it_is_written_on_every_path(words, fault, result, run, hub, workspace):
    """Also when nothing was done, since somebody reads it next."""
    if fault:
        hub.inject(fault)
    found = run(*words, report_file="report.json")
    report = json.loads((workspace / "report.json").read_text())
    assert found.result == report["result"] == result and report["message"]


def test_it_is_replaced_as_a_whole(run, world, workspace):
    """What an earlier step wrote is gone, and nothing else lies beside it."""
    (workspace / "report.json").write_text("x" * 100_000)
    run("info", "acme/demo", report_file="report.json")
    assert json.loads((workspace / "report.json").read_text())["count"] == 1
    assert [path.name for path in workspace.iterdir()] == ["report.json"]
    assert (workspace / "report.json").stat().st_mode & 0o444 == 0o444  # the steps after this one may be of another user


@pytest.mark.parametrize("name", ["../out.json", "/etc/out.json", "link/out.json", "out-link", "a\0b", "loop"])
def test_it_lies_in_the_workspace(name, run, hub, workspace, tmp_path):
    """Links are followed before that is judged; it is a mistake like others, and nothing is asked."""
    (workspace / "link").symlink_to(tmp_path)
    (workspace / "out-link").symlink_to(tmp_path / "out.json")
    (workspace / "loop").symlink_to(workspace / "loop")
    found = run("info", "acme/demo", report_file=name)
    assert found.result == "invalid-input" and "report-file:" in found.outputs["message"]
    assert hub.requests == [] and not (tmp_path / "out.json").exists()


def test_a_folder_is_not_a_file(run, workspace):
    """It would have to go."""
    (workspace / "out").mkdir()
    assert "report-file: 'out' is not a file." in run("info", "acme/demo", report_file="out").outputs["message"]


def test_what_cannot_be_written_is_said_and_costs_nothing(run, workspace):
    """A file is in the way of its folder; outputs are written all the same."""
    (workspace / "out").write_text("")
    found = run("info", "acme/demo", report_file="out/report.json")
    assert found.result == "ok" and "::warning::report-file could not be written" in found.log


def test_a_disk_that_is_full_leaves_what_was_there(workspace, monkeypatch, capsys):
    """Nor is half a file left."""
    (workspace / "report.json").write_text("{}")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    Runner().write_report("report.json", "[]")
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in workspace.iterdir()] == ["report.json"] and (workspace / "report.json").read_text() == "{}"


def test_a_report_that_cannot_be_made_has_the_least(run, workspace, monkeypatch):
    """A bug in the drawing of outputs costs neither outputs nor report."""
    monkeypatch.setattr("hf_action.runner.publisher.document", outputs_of_a_bug)
    found = run("info", "acme/demo", report_file="report.json")
    assert json.loads((workspace / "report.json").read_text())["result"] == found.result == "ok"


def outputs_of_a_bug(*_):
    raise ZeroDivisionError


def test_no_token_is_in_it(run, hub, workspace):
    """As in the outputs."""
    hub.inject(Fault(kind=Kind.STATUS, status=400, method="POST", body=b'{"error": "bad hf_writerwriterwriterwriter"}'))
    run("restart", "acme/demo", report_file="report.json")
    assert "hf_writer" not in (workspace / "report.json").read_text()

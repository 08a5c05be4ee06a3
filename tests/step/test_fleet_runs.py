"""A fleet file, end to end: each entry is a call of its own, in one step."""

import pytest

from simhub.world import Space
from tests.operations.test_operations import writes


def test_each_entry_has_its_own_operation(run, world, hub, workspace):
    """One Space is paused, others are restarted, all in one step with one result each."""
    for name in ("gpu", "web-1", "web-2"):
        world.add(Space(id=f"acme/{name}", hardware="t4-small"))
    (workspace / "fleet.yml").write_text(
        "defaults: { operation: pause }\nspaces:\n- acme/gpu\n- { id: 'acme/web-*', operation: restart, wait-for-stage: none }\n"
    )
    ended = run("--fleet-file", "fleet.yml")
    assert {one["id"]: (one["result"], one["stage"]) for one in ended.spaces} == {
        "acme/gpu": ("ok", "PAUSED"),
        "acme/web-1": ("ok", "RUNNING_BUILDING"),
        "acme/web-2": ("ok", "RUNNING_BUILDING"),
    }
    assert sorted(writes(hub)) == ["pause", "restart", "restart"]


def test_a_listing_that_two_entries_choose_from_is_asked_for_once(run, world, hub, workspace):
    """A Space that both choose is the first one's."""
    for name in ("gpu", "web"):
        world.add(Space(id=f"acme/{name}", hardware="t4-small"))
    (workspace / "fleet.yml").write_text("spaces:\n- { id: 'acme/web*', operation: pause }\n- { id: 'acme/*', operation: info }\n")
    ended = run("--fleet-file", "fleet.yml")
    assert {one["id"]: one["stage"] for one in ended.spaces} == {"acme/web": "PAUSED", "acme/demo": "RUNNING", "acme/gpu": "RUNNING"}
    assert sum(request.path == "/api/spaces" for request in hub.requests) == 1


def test_what_the_file_says_of_a_space_counts_before_what_the_step_says(run, world, hub, workspace):
    """By name and by pattern, and the order is the one asked for."""
    world.add(Space(id="acme/gpu", hardware="t4-small"))
    (workspace / "fleet.yml").write_text("spaces:\n- { id: acme/demo, operation: pause }\n- { id: 'acme/g*', operation: pause }\n")
    for words in (("acme/demo", "acme/gpu"), ("acme/*",)):
        ended = run("info", *words, "--fleet-file", "fleet.yml")
        assert [one["id"] for one in ended.spaces] == ["acme/demo", "acme/gpu"]
        assert ended.spaces[0]["stage"] == "PAUSED"
    assert (ended.spaces[1]["stage"], writes(hub)) == ("PAUSED", ["pause", "pause"])


@pytest.mark.parametrize(("text", "about"), [(b"#" * (1024 * 1024 + 1), "is larger than 1 MiB"), (b"\xff", "cannot be read")], ids=["large", "no text"])
def test_a_file_that_is_no_fleet_file_is_a_mistake(run, hub, workspace, text, about):
    """It is said before anything is asked of the Hub."""
    (workspace / "fleet.yml").write_bytes(text)
    ended = run("--fleet-file", "fleet.yml")
    assert (ended.status, f"fleet-file: 'fleet.yml' {about}" in ended.log, hub.requests) == (2, True, [])


def test_mistakes_name_file_and_line(run, hub, workspace):
    """Also those that only an entry as a whole shows."""
    (workspace / "fleet.yml").write_text("spaces:\n- { id: acme/gpu, operation: hardware }\n- { id: acme/x, setle: 1 }\n")
    ended = run("--fleet-file", "fleet.yml")
    assert ended.status == 2 and "fleet.yml:3:" in ended.log and not hub.requests
    (workspace / "fleet.yml").write_text("spaces:\n- { id: acme/gpu, operation: hardware }\n")
    assert "fleet.yml:2: acme/gpu: hardware: is missing" in run("--fleet-file", "fleet.yml").log


@pytest.mark.parametrize(
    ("name", "words"), [("../fleet.yml", "outside of the workspace"), ("/etc/passwd", "outside"), ("none.yml", "check out the repository before this step."), (".", "not a file"), ("loop.yml", "not a path that can be followed"), ("loop.yml/x", "not a path that can be followed"),
     ("away.yml", "outside of the workspace"), ("x" * 300, "cannot be used (File name too long)"), ("https://u:pa55word@h/x", "(not shown) is not there")]
)
def test_a_file_that_is_not_in_the_workspace_is_a_mistake(run, hub, workspace, name, words):
    """Nothing else of the machine is read, and no link leads there or nowhere."""
    (workspace / "loop.yml").symlink_to("loop.yml")
    (workspace / "away.yml").symlink_to("/etc/passwd")
    ended = run("--fleet-file", name)
    assert (ended.status, words in ended.log, hub.requests) == (2, True, [])
    assert "Traceback" not in ended.log and "pa55word" not in ended.log


def test_a_warning_of_an_entry_names_its_line(run, world, workspace):
    """A misspelt stage in a file is as silent as one in a workflow: not at all."""
    (workspace / "fleet.yml").write_text("spaces:\n- id: acme/demo\n  operation: pause\n  wait-for-stage: PAUSD\n")
    ended = run("--fleet-file", "fleet.yml", timeout="20s")
    assert "fleet.yml:2: acme/demo: wait-for-stage: 'PAUSD' is not a stage known today" in ended.log


def test_a_list_of_a_fleet_file_lists_it(run, world, workspace):
    """Each Space once, with what the Hub says of it."""
    (workspace / "fleet.yml").write_text("spaces: [acme/demo, 'acme/*']\n")
    ended = run("list", "--fleet-file", "fleet.yml")
    assert (ended.status, [one["id"] for one in ended.spaces]) == (0, ["acme/demo"])

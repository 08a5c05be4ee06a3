"""Owners, Spaces, users and hosts have other names, each time the same, wherever they stand."""

import pytest

from hf_action.rules.anonymity import Pseudonyms


@pytest.fixture
def names():
    """What was learned of two Spaces and a machine."""
    found = Pseudonyms(endpoint="hub.corp.com")
    found.learn_path("/api/spaces/Acme-Inc/my_demo.v2/runtime")
    found.learn_path("/api/spaces/gradio/quota/logs/run")
    found.learn('{"domains": [{"domain": "www.acme.com"}, {"domain": "acme-special.hf.space"}], "host": "http://10.0.0.7:1"}')
    found.learn("Acme-Inc/not-json")
    return found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Acme-Inc/my_demo.v2 is up", "owner1/space1 is up"),
        ("/api/spaces/Acme-Inc/my_demo.v2/runtime", "/api/spaces/owner1/space1/runtime"),
        ("spaces%2FAcme-Inc%2Fmy_demo.v2", "spaces%2Fowner1%2Fspace1"),
        ("by Acme-Inc: my_demo.v2.", "by owner1: space1."),
        ("https://acme-inc-my-demo-v2.hf.space/q", "https://owner1-space1.hf.space/q"),
        ("https://acme-inc-my-demo-v2.static.hf.space", "https://owner1-space1.static.hf.space"),
        ("https://acme-special.hf.space https://who-else.hf.space", "https://app3.hf.space https://app0.hf.space"),
        ("pod r-acme-inc-my-demo-v2-x1z2-abc", "pod r-owner1-space1-x1z2-abc"),
        ("see https://hub.corp.com/a and www.acme.com", "see https://hub.example/a and host2.example"),
        ("http://10.0.0.7:1/", "http://10.0.0.7:1/"),
        ("gradio/quota", "owner2/space2"),
        ("import gradio; a quota of 5", "import gradio; a quota of 5"),  # words of logs, where they stand alone
        ("gradio-quota.hf.space", "owner2-space2.hf.space"),
        ("my_demo", "my_demo"),
        ("-".join("abcdefghijklmnopqrstuvwxyz") + "-acme-inc", "-".join("abcdefghijklmnopqrstuvwxyz") + "-acme-inc"),
        ("", ""),
    ],
)
def test_text_has_other_names(names, text, shown):
    """In ids, paths, hosts, names of machines, and as a word of its own."""
    assert names.text(text) == shown


def test_spellings_stay_apart():
    """The Hub redirects from one to the other; with one name for both it would redirect to itself."""
    names = Pseudonyms()
    names.learn_path("/api/spaces/acme/demo-1")
    assert names.text("acme/demo-1 Acme/Demo-1 ACME/demo-1 aCME/demo-1") == "owner1/space1 Owner1/Space1 OWNER1/space1 OWNER1/space1"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("_id", "52a6ff884a60d19d3570e93c", "0" * 24),
        ("title", "The demo of Acme", "…"),
        ("author", "gradio", "owner2"),
        ("author", "somebody", "somebody"),
        ("user", "Acme-Inc", "owner1"),
        ("subdomain", "acme-inc-my-demo-v2", "owner1-space1"),
        ("subdomain", "another", "another"),
        ("sdk", "gradio", "gradio"),
        ("stage", "QUOTA", "QUOTA"),
        ("message", "of Acme-Inc", "of owner1"),
    ],
)
def test_values_are_what_their_names_say(names, name, value, shown):
    """An author is one, however ordinary the word; a stage is none."""
    assert names.value(name, value) == shown


def test_names_are_learned_from_answers():
    """Ids, authors and hosts of a listing; what is no name is not one."""
    names = Pseudonyms()
    names.learn('[{"id": "corp/tool-9", "author": "corp", "subdomain": "corp-tool-9", "host": "https://corp-tool-9.hf.space"}, {"id": "not an id"}, {"author": "no name!"}, {"host": "nohost"}]')
    names.learn_id("bad name", "x")
    assert names.text("corp, tool-9, corp-tool-9.hf.space, nohost") == "owner1, space1, owner1-space1.hf.space, nohost"


def test_inputs_choose_the_same_spaces():
    """A pattern matches the other names of just those that it matched; words to search for have one, too."""
    names = Pseudonyms()
    given = {
        "space-id": "acme/chat-*, spaces/acme/one-2 https://huggingface.co/spaces/acme/three",
        "exclude": "*-prod acme/*",
        "author": "acme, other-org",
        "search": "secret project, x",
        "health-check": "https://status.acme.com/ok",
        "commit": "head",
    }
    assert names.inputs(given) == {
        "space-id": "owner1/*-p1-*, spaces/owner1/space1 https://huggingface.co/spaces/owner1/space2",
        "exclude": "*-p2-* owner1/*",
        "author": "owner1, owner2",
        "search": "word1,word2",
        "health-check": "https://host1.example/ok",
        "commit": "head",
    }
    names.learn('[{"id": "acme/chat-prod"}, {"id": "acme/chat-a"}, {"id": "acme/b-prod"}]')
    assert names.text("acme/chat-prod acme/chat-a acme/b-prod acme/one-2") == "owner1/space3-p1-p2-x owner1/space4-p1-x owner1/space5-p2-x owner1/space1"
    assert names.query("author=acme&search=secret%20project&expand=sha&cursor=") == "author=owner1&search=word1&expand=sha&cursor="

"""What comes out: a table, a page, and samples that name nobody."""

import json
import re
from pathlib import Path

import pytest

from live.anonymity import Aliases, aliases
from live.findings import Answer, Difference, Exchange, Journal, Skip
from live.report import Report
from tests.conftest import TOKEN
from tests.live.conftest import ALL, opened
from tests.live.lies import Lie, Reply

SAMPLES = Path(__file__).parents[1] / "samples"


def everything_else(reply: Reply):
    """Answer all in another way, so that every answer becomes a sample, and with much that names somebody."""
    if isinstance(reply.body, dict):
        reply.body |= {"mail": "ada.lovelace+hub@example.org", "by": "Ada Lovelace at acme", "note": f"{TOKEN} acme/demo acme-demo.hf.space"}
        reply.body["avatarUrl"] = "https://cdn-avatars.huggingface.co/v1/production/uploads/acme/photo.jpeg"
    if reply.path.endswith("/whoami-v2") and reply.status == 200:
        reply.body |= {"fullname": "Ada Lovelace", "email": "ada@example.org", "orgs": [{"type": "org", "name": "big-org", "fullname": "The Big Org"}]}
    if reply.path.endswith("/runtime") and reply.status == 200:
        reply.body |= {"host": "http://10.23.4.5", "owner": "The Big Org and ADA LOVELACE and big-org"}


@pytest.fixture(scope="module")
def report():
    with opened() as there:
        there.lie(Lie((), "", told=everything_else))
        found = there.go(ALL - {"listing"})
        names = aliases(found, there.tour.profile, token=TOKEN)
        return Report(differences=there.compared(found), skips=found.skips, unseen=[("a", "b|c")], answers=len(found.exchanges), date="2026-11-26", hub="https://huggingface.co", ended=True, aliases=names)


def test_nothing_that_comes_out_names_anybody(report):
    """Neither the token, nor e-mail, names, organizations, hosts and pictures, wherever they stand."""
    texts = [report.markdown(), report.table(), *report.samples().values()]
    assert len(texts) == 6 and len(report.differences) > 50
    for text in texts:
        assert not re.search(r"lovelace|ada\b|big.org|10\.23|photo|cdn-avatars|hf_[A-Za-z]{8}", text, re.IGNORECASE)
        assert TOKEN not in text
    assert "avatarUrl" in texts[0]  # what a key is called is not a secret


def test_samples_have_the_form_of_those_that_there_are(report):
    """One row a line, with at least the keys of the rows of the same file."""
    for name, text in report.samples().items():
        rows, known = json.loads(text), json.loads((SAMPLES / name).read_text())
        assert rows and text.count("\n") == len(rows) + 2
        common = set.intersection(*(set(row) for row in known))
        assert all(common <= set(row) for row in rows), name
        assert not {json.dumps(row) for row in rows} & {json.dumps(row) for row in known}


def test_names_are_replaced_as_whole_words():
    """A short name is part of many words."""
    names = Aliases("hf_abc", (("a/b", "acme/demo"), ("a", "acme")))
    assert names.text("a/b, a, aa, Banana, hf_abc") == "acme/demo, acme, aa, Banana, [token]"
    assert names.apply({"a": ["a/b", 1, None]}) == {"acme": ["acme/demo", 1, None]}


def report_of(*differences, skips=(), ended=True):
    return Report(differences=differences, skips=skips, unseen=[], answers=3, date="2026-11-26", hub="https://huggingface.co", ended=ended, aliases=Aliases("", ()))


def test_a_page_says_when_there_is_no_difference():
    """And what was not run, and that it was cancelled."""
    page = report_of(skips=[Skip("rename", "left out, as you asked")], ended=False).markdown()
    assert "No difference" in page and "- rename: left out, as you asked" in page and "was cancelled" in page
    assert "|---|" not in page


def test_text_of_the_hub_breaks_neither_table_nor_log():
    """A bar, a tag, a line break, a command of the runner."""
    report = report_of(Difference("look", "a|b", "<b>", "c\n::warning::d ##[error]"))
    row = report.markdown().splitlines()[-1]
    assert row.replace("\\|", "").count("|") == 5 and "&lt;b>" in row and "##[" not in row
    assert not any(line.lstrip().startswith("::") for line in report.table().splitlines())


def test_a_fact_becomes_evidence():
    """What no single answer shows is a row of evidence.json."""
    (row,) = json.loads(report_of(Difference("pause", "the listing lags", "0 s", "9 s")).samples()["evidence.json"])
    assert row == {"what": "pause", "situation": "the listing lags", "certainty": "one tour, 2026-11-26", "value": "9 s"}


def test_one_answer_is_one_sample():
    """However much of it differs."""
    answer = Answer(method="GET", path="/api/spaces/a/b/runtime", status=200, headers={}, body={"stage": "X"}, sent=0.0, answered=0.0)
    exchange = Exchange("look", "runtime while X", answer)
    report = report_of(*(Difference("look", what, "a", "b", exchange) for what in "xyz"))
    assert len(json.loads(report.samples()["runtimes.json"])) == 1


def test_a_journal_without_a_name_is_no_trouble(place):
    """As where whoami was left out."""
    there = place()
    there.go({"look"})
    assert aliases(Journal(), there.tour.profile, token="").text("acme/demo of acme") == "acme/demo of acme"

"""What of an exchange stands in a recording: what a replay needs, and no secret in any shape or place."""

import base64
import html
import json
import time
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_action.rules.anonymity import Pseudonyms
from hf_action.rules.recording import MAX_BODY, NOT_RECORDED, Redaction, decoded, git_id, stand_in
from hf_action.rules.sanitize import fragments, is_secret, redact, spellings, without_fragments

OWN = "MarkedTokenOfTheTests.Of-Another_Form~17"
FOREIGN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345"
SHA = "3d2e3a67dc686c9c3abc3aaede5f66cd1fa7434c"
SECRETS = spellings(OWN)


def redaction(names: Pseudonyms | None = None) -> Redaction:
    return Redaction(redact=partial(redact, secrets=SECRETS), secrets=lambda: SECRETS, names=names)


KEEP = redaction()


def leaks(text: str) -> list[str]:
    """Return the parts of either secret that stand in a text, and spellings of it; few letters are known of one's own only."""
    low = text.lower()
    parts = {secret[at : at + size].lower() for secret, size in ((OWN, 10), (FOREIGN, 14)) for at in range(len(secret) - size + 1)}
    return [part for part in (*parts, *SECRETS) if part in low]


# ---- what is kept ----


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"id": "acme/my-token-demo", "sha": SHA, "runtime": {"stage": "RUNNING", "hardware": {"current": "t4-small"}, "gcTimeout": 172800, "errorMessage": None}}),
        json.dumps([{"id": f"acme/chat-{number}", "lastModified": "2026-07-21T13:20:06.000Z", "likes": 3} for number in range(3)], indent=2),
        '{"pages": 1, "tokens": 100, "cursor": "WyJzcGFjZSJd", "url": "https://huggingface.co/api/spaces?cursor=WyJzcGFjZSJd&limit=10"}',
        "\x1b[31mERROR: No matching distribution found for torch==9.9\x1b[0m",
        "<html><h1>Preparing Space</h1></html>",
        "{broken",
        "",
    ],
)
def test_what_is_harmless_stays_as_it_is(text):
    """To the last character: a replay must lead to the same verdict."""
    assert KEEP.body(text.encode(), path="/api/spaces/acme/demo", status=200) == text
    assert KEEP.text(text) == text


def test_of_headers_those_that_matter_are_kept():
    """No cookies, no credentials, and nothing that nobody knows."""
    headers = [
        *(("Content-Type", "application/json"), ("Date", "Sat, 01 Aug 2026 12:00:00 GMT"), ("RateLimit", '"api";r=9;t=3'), ("RateLimit-Policy", "x"), ("Retry-After", "3")),
        *(("Link", '<https://hub.example/api/spaces?cursor=2>; rel="next"'), ("X-Request-Id", "Root=1"), ("X-Error-Code", "RepoNotFound"), ("x-proxied-host", "h"), ("ETag", '"e"')),
        *(("Set-Cookie", "a=b"), ("Authorization", "Bearer x"), ("X-HF-Authorization-Echo", "x"), ("x-unheard-of", "y"), ("Location", "https://cdn.example/f?X-Amz-Signature=abcdef0123&x=1")),
    ]
    kept = KEEP.headers(headers)
    assert kept.keys() == {"content-type", "date", "ratelimit", "ratelimit-policy", "retry-after", "link", "x-request-id", "x-error-code", "x-proxied-host", "etag", "location"}
    assert kept["location"] == "https://cdn.example/f?X-Amz-Signature=***&x=1"


def test_files_of_a_repository_are_not_kept():
    """A text stands in for each, under its own id, in trees, in the file itself, and in the commit that restores it."""
    content = b"SECRET_SAUCE = 1\n"
    oid = git_id(content)
    tree = json.dumps([{"type": "file", "path": "app.py", "oid": oid}, {"type": "file", "path": "m.bin", "oid": "1" * 40, "lfs": {"oid": "2" * 64}}])
    shown = json.loads(KEEP.body(tree.encode(), path=f"/api/spaces/acme/demo/tree/{SHA}", status=200))
    served = KEEP.body(content, path=f"/spaces/acme/demo/resolve/{SHA}/app.py", status=200)
    assert served == stand_in(oid) and git_id(served.encode()) == shown[0]["oid"] != oid
    assert shown[1]["lfs"]["oid"] == "2" * 64
    lines = '{"key":"header","value":{"summary":"Roll back"}}\n{"key":"file","value":{"path":"app.py","content":"U0VDUkVU"}}'
    sent = KEEP.sent(lines.encode(), path="/api/spaces/acme/demo/commit/main")
    assert "U0VDUkVU" not in sent and "Roll back" in sent and '"path":"app.py"' in sent
    assert KEEP.body(b'{"error": "Entry not found"}', path="/spaces/a/b/resolve/x/app.py", status=404) == '{"error": "Entry not found"}'


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"plain", "plain"), ("é".encode(), "é"), ('{"a": 1}'.encode("utf-16"), '{"a": 1}'), (b"\xff\xfe{\x00}\x00", "{}"), (b"\x80abc", "\ufffdabc"), (b"\xff", "\ufffd")],
)
def test_bodies_are_text(content, text):
    """In the encoding that a reader of JSON would find."""
    assert decoded(content) == text


# ---- what is not ----


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"access_token": "abcdefgh12345678", "expires_in": 3600}', f'{{"access_token": "{NOT_RECORDED}", "expires_in": 3600}}'),
        ('{"token": ["short", {"password": "x1y2"}]}', f'{{"token": ["{NOT_RECORDED}", {{"password": "{NOT_RECORDED}"}}]}}'),
        ('{"secrets": {"DB": "pw", "N": 5}, "env": ["a"]}', f'{{"secrets": {{"DB": "{NOT_RECORDED}", "N": "{NOT_RECORDED}"}}, "env": ["{NOT_RECORDED}"]}}'),
        ('{"key": "MODEL", "value": "acme/private-model"}', f'{{"key": "MODEL", "value": "{NOT_RECORDED}"}}'),
        ('{"pin_secret": 123456789}', f'{{"pin_secret": "{NOT_RECORDED}"}}'),
        ('{"secret": null, "token": "missing"}', '{"secret": null, "token": "missing"}'),
        ('{"password": "cut o', f'{{"password": {NOT_RECORDED}'),
        ('{"url": "https://s3.example/f?X-Amz-Credential=AB%2Fc&X-Amz-Date=2026&x-amz-security-token=T0k"}', '{"url": "https://s3.example/f?X-Amz-Credential=***&X-Amz-Date=2026&x-amz-security-token=***"}'),
        ('{"a": "postgres://user:hunter22@db/x"}', '{"a": "postgres://***@db/x"}'),
    ],
)
def test_values_that_are_secrets_by_their_names(body, shown):
    """What is in their place is long enough to be taken for a token."""
    assert KEEP.body(body.encode(), path="/api/x", status=200) == shown


def test_where_tokens_are_made_whatever_may_be_one_is_not_kept():
    """Whatever the answer is called there, and whether it is JSON at all."""
    for body in ('{"odd": "0123456789abcdef0123"}', "0123456789abcdef0123", '["0123456789abcdef0123"]', '{"access_token": {"inner": "0123456789abcdef0123"}}'):
        shown = KEEP.body(body.encode(), path="/oauth/token", status=200)
        assert "0123456789" not in shown and NOT_RECORDED in shown
    assert KEEP.body(b'{"error_description": "no publisher matches"}', path="/oauth/token", status=400) == '{"error_description": "no publisher matches"}'


def test_a_path_has_no_secret():
    """Nor has its query, of which the names stay."""
    assert KEEP.path("/healthz", "key=abc&x=1&token=abcdef") == "/healthz?key=***&x=1&token=***"
    assert leaks(KEEP.path(f"/{OWN}", f"q={FOREIGN}")) == []


PLACES = {
    "value": lambda text: json.dumps({"a": [{"b": text}]}),
    "name": lambda text: json.dumps({text: {text: 1}}),
    "in words": lambda text: json.dumps({"error": f"bad token {text}, {'x' * 300} {text}"}),
    "JSON in JSON": lambda text: json.dumps({"error": json.dumps({"inner": json.dumps(text)})}),
    "escaped": lambda text: '{"a": "' + "".join(f"\\u{ord(mark):04x}" for mark in text) + '"}',
    "escaped, cut off": lambda text: '{"a": "' + "".join(f"\\u{ord(mark):04x}" for mark in text),
    "cut off": lambda text: '{"a": "of ' + text,
    "number": lambda text: '{"a": ' + text + "}",
    "page": lambda text: f"<html>{text}",
    "log": lambda text: f"data: {json.dumps({'data': f'{text}', 'timestamp': '2026'})}\n\n",
    "bare event": lambda text: f"event: {text}\ndata: {text}\n: {text}\n{text}\n\n",
    "address": lambda text: json.dumps({"url": f"https://x.example/a?b={text}"}),
    "behind a colour": lambda text: json.dumps({"error": f"\x9b{text} \x1b[{text} \x1b[31m{text}", f"\x9b {text}": 1}),
    "userinfo": lambda text: json.dumps({"url": f"https://u:{text}@x.example/"}),
    "id": lambda text: json.dumps({"id": f"acme/{text}", "sha": text, "hardware": {"current": text}}),
}
SPELLED = {
    "plain": str,
    "upper": str.upper,
    "quoted": partial(quote, safe=""),
    "html": html.escape,
    "backwards": lambda text: text[::-1],
    "hex": lambda text: text.encode().hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, shifted": lambda text: base64.b64encode(b"u:" + text.encode()).decode(),
    "coloured": lambda text: f"{text[:9]}\x1b[0m{text[9:]}",
    "invisible": lambda text: f"{text[:9]}\u200b{text[9:]}",
    "beginning": lambda text: text[:-9],
    "end": lambda text: text[9:],
    "middle": lambda text: text[5:-5],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spelling", SPELLED)
def test_the_own_secret_is_nowhere(place, spelling):
    """However it is spelled, wherever the Hub puts it, and where it was cut at either end or both."""
    text = PLACES[place](SPELLED[spelling](OWN))
    for shown in (KEEP.body(text.encode(), path="/api/x", status=200), KEEP.event(text, path="/api/x/logs/run"), KEEP.text(text), redaction(Pseudonyms()).body(text.encode(), path="/api/x", status=200)):
        assert leaks(shown) == [], shown


@pytest.mark.parametrize("place", [place for place in PLACES if place != "number"])
def test_a_foreign_token_is_nowhere(place):
    """One that an app has printed, in a form that is known."""
    text = PLACES[place](FOREIGN)
    for shown in (KEEP.body(text.encode(), path="/api/x", status=200), KEEP.event(text, path="/api/x/logs/run")):
        assert leaks(shown) == [], shown


@settings(max_examples=200)
@given(
    st.recursive(
        st.sampled_from([OWN, FOREIGN, SPELLED["base64"](OWN), "RUNNING", SHA, f"x {OWN} y", OWN[4:24]]) | st.integers() | st.none() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "stage", "data", "token", OWN, FOREIGN]) | st.text(max_size=4), inner, max_size=4),
        max_leaves=12,
    ),
    st.integers(0, 400),
    st.booleans(),
)
def test_no_document_leaks(document, end, anonymous):
    """At any depth, whole or cut off; and what was JSON still is."""
    text = json.dumps(document)
    keep = redaction(Pseudonyms() if anonymous else None)
    whole = keep.body(text.encode(), path="/api/x", status=200)
    assert leaks(whole) == leaks(keep.body(text[:end].encode(), path="/api/x", status=200)) == leaks(keep.event(f"data: {text}\n\n", path="/x")) == []
    json.loads(whole)


def test_a_commit_is_no_part_of_a_secret_by_chance():
    """Parts that are looked for have eight characters; of a value that holds one, only that goes."""
    assert without_fragments(f"a {OWN[3:20]} b {OWN[10:18]}{OWN[12:20]} {OWN[:7]} {SHA}", fragments(SECRETS)) == f"a *** b *** {OWN[:7]} {SHA}"
    assert without_fragments("text", fragments(())) == "text"
    assert is_secret("HF_TOKEN", "abc") and not is_secret("tokens", "abc") and not is_secret("token", "missing")


# ---- other names ----


def test_all_parts_of_an_exchange_have_the_same_other_names():
    """The path teaches them, and so does the answer itself, before it is written."""
    keep = redaction(Pseudonyms())
    assert keep.path("/api/spaces/acme/demo-7/runtime", "author=acme") == "/api/spaces/owner1/space1/runtime?author=owner1"
    assert keep.headers([("location", "/api/spaces/acme/new-8"), ("x-request-id", "Root=1")]) == {"location": "/api/spaces/owner1/space2", "x-request-id": "Root=1"}
    body = keep.body(b'{"host": "https://corp-tool-9.hf.space", "id": "corp/tool-9", "cardData": {"title": "Of Corp"}}', path="/x", status=200)
    assert json.loads(body) == {"host": "https://owner2-space3.hf.space", "id": "owner2/space3", "cardData": {"title": "…"}}
    assert keep.event('data: {"data": "acme/demo-7 of corp"}\n\n', path="/x") == 'data: {"data": "owner1/space1 of owner2"}\n\n'
    assert keep.inputs({"space-id": "acme/demo-7", "commit": "head"}) == {"space-id": "owner1/space1", "commit": "head"}
    assert keep.outputs({"spaces": '[{"id": "acme/demo-7"}]', "result": "ok"}) == {"spaces": '[{"id": "owner1/space1"}]', "result": "ok"}
    assert KEEP.inputs({"commit": FOREIGN}) == {"commit": "***"}


def test_the_largest_body_takes_a_moment():
    """A listing of thousands of Spaces costs no more than a second or two of computing."""
    entry = {"id": "acme/chat-1", "sha": SHA, "tags": ["gradio", "region:us"], "runtime": {"stage": "RUNNING", "hardware": {"current": None}}, "cardData": {"title": "x" * 60, "emoji": "\U0001f680"}}
    body = json.dumps([entry] * (MAX_BODY // 260)).encode()
    began = time.process_time()
    KEEP.body(body, path="/api/spaces", status=200)
    assert time.process_time() - began < 20, len(body)

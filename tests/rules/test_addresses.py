"""Addresses are judged as the client will see them, however they are spelled."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_action.rules.addresses import is_host, is_near, read_address


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://huggingface.co", ("https", "huggingface.co", 443)),
        ("http://hub:8000/x?y#z", ("http", "hub", 8000)),
        ("HTTPS://HUB.Example.:443", ("https", "hub.example.", 443)),
        ("http://hub\u3002example", ("http", "hub.example", 80)),
        ("http://hub%2eexample", ("http", "hub.example", 80)),
        ("http://[::1]:80/", ("http", "::1", 80)),
    ],
)
def test_an_address_is_its_origin(text, read):
    """The same for every spelling of it."""
    assert read_address(text).origin == read


@pytest.mark.parametrize("text", ["https://user:pw@hub.example", "https://user@hub.example", "https://@hub.example"])
def test_a_login_in_an_address_is_refused_unless_it_may_have_one(text):
    """The address of a proxy may; any other has no password to lose."""
    assert read_address(text, login=True).origin == ("https", "hub.example", 443)
    with pytest.raises(ValueError, match="which is not shown here"):
        read_address(text)


@pytest.mark.parametrize(
    "text",
    ["", "hub", "//hub", "ftp://hub", "http://", "http://:80", "http://hub:x", "http://hub:99999", "http://hub:-1", "http://hub:0", "http://a b", "http://a\\b", "http://a\nb", "http://\x00", "http://\ud800", "http://[::1",
     "http://" + "x" * 2000, "http://a\u2100b"],
    ids=ascii,
)  # fmt: skip
def test_what_is_not_an_address_is_told(text):
    with pytest.raises(ValueError, match=r"."):
        read_address(text)


@pytest.mark.parametrize(
    ("host", "near"),
    [
        *((host, True) for host in ("hub", "HUB", "localhost", "127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001", "::1", "fe80::1%eth0", "10.1.2.3", "10.1", "192.168.0.1", "172.16.0.1",
                                    "169.254.1.1", "0.0.0.0", "0", "::", "fd00::1", "bücher", "\uff11\uff12\uff17.1", "hub_1")),
        *((host, False) for host in ("", ".", "hub.", "hub.example", "hub.example.", "hub\u3002example", "hub\uff0eexample", "hub\uff61example", "hub%2eexample", "HUB%2Eexample", "8.8.8.8", "0x8080808", "134744072", "010.0.0.1",
                                     "010.8.8.8", "8.8", "08.1", "256.256", "99999999999", "9" * 30, "1.2.3.4.5", "2001:db8::1", "::ffff:8.8.8.8", "172.32.0.1", "11.0.0.1", "0xffffffffff", "127.0.0.1.example", "a:b")),
    ],
    ids=ascii,
)  # fmt: skip
def test_whether_anybody_else_listens_on_the_way(host, near):
    """A number is an address as the C library reads it; dots of any kind are dots."""
    assert is_near(host) is near


@pytest.mark.parametrize("host", ["hub\u3002example", "HUB.Example", "b\u00fccher.example", "127.0.0.1", "0x7f.1"])
def test_the_client_sees_the_same_host(host):
    """httpx2 connects to what is judged here."""
    read = read_address(f"http://{host}/")
    assert httpx2.URL(str(read)).raw_host == read.host.encode()


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        assert read_address(text).host
    except ValueError as error:
        assert str(error)
    assert is_near(text) in (True, False) and is_host(text) in (True, False)

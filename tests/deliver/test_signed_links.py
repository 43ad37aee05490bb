"""Links: genuine ones are read back, everything else is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.deliver.links import Link, LinkSigner, track
from vocative.errors import DataError

KEY = b"k" * 32
ID = "0123456789abcdef" * 2
SIGNER = LinkSigner(KEY, "https://mail.shop.example/")


def token(url: str) -> str:
    return url.rpartition("/")[2].removesuffix(".gif")


def test_each_kind_has_its_address() -> None:
    assert SIGNER.url("open", ID).startswith("https://mail.shop.example/o/")
    assert SIGNER.url("open", ID).endswith(".gif")
    assert SIGNER.url("unsubscribe", ID).startswith("https://mail.shop.example/u/")
    assert SIGNER.url("view", ID).startswith("https://mail.shop.example/v/")
    click = SIGNER.url("click", ID, number=3, url="https://shop.example/a?b=c&d=é#f")
    assert SIGNER.read(token(click), "click") == Link(
        kind="click", message_id=ID, number=3, url="https://shop.example/a?b=c&d=é#f"
    )


@given(st.text().map(lambda path: f"https://shop.example/{path}"), st.integers(1, 500))
def test_any_destination_is_read_back(url: str, number: int) -> None:
    found = SIGNER.read(token(SIGNER.url("click", ID, number=number, url=url)), "click", "trap")
    assert found.url == url.encode("utf-8", "replace").decode()
    assert found.number == min(number, 255)


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    genuine = token(SIGNER.url("click", ID, number=1, url="https://shop.example/"))
    place = data.draw(st.integers(0, len(genuine) - 1))
    letter = data.draw(st.sampled_from("ABCabc019-_"))
    changed = genuine[:place] + letter + genuine[place + 1 :]
    if changed == genuine:
        return
    with pytest.raises(DataError):
        SIGNER.read(changed, "click")


@given(st.text())
def test_nonsense_is_refused(nonsense: str) -> None:
    with pytest.raises(DataError, match="not valid"):
        SIGNER.read(nonsense, "open", "click", "trap", "unsubscribe", "view")


def test_a_token_is_for_one_thing_and_one_workspace() -> None:
    opened = token(SIGNER.url("open", ID))
    for kind in ("click", "unsubscribe", "view"):
        with pytest.raises(DataError):
            SIGNER.read(opened, kind)
    with pytest.raises(DataError):
        LinkSigner(b"x" * 32, "https://mail.shop.example").read(opened, "open")


def test_spare_bits_make_no_second_token() -> None:
    genuine = token(SIGNER.url("view", ID))
    raw = base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4))
    twins = [
        genuine[:-1] + letter
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        if base64.urlsafe_b64decode(genuine[:-1] + letter + "=" * (-len(genuine) % 4)) == raw
    ]
    accepted = []
    for twin in twins:
        try:
            SIGNER.read(twin, "view")
        except DataError:
            continue
        accepted.append(twin)
    assert accepted == [genuine]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "mailto:a@b.example", ""])
def test_a_click_leads_to_the_web_only(url: str) -> None:
    with pytest.raises(DataError):
        SIGNER.url("click", ID, number=1, url=url)


def test_bodies_are_tracked_but_our_own_links_are_not() -> None:
    leave = SIGNER.url("unsubscribe", ID)
    html = (
        '<body><a href="https://shop.example/a?x=1&amp;y=2">A</a>'
        '<a href="https://shop.example/b">B</a><a href="https://shop.example/b">B again</a>'
        f'<a href="{leave}">Leave</a><a href="mailto:help@shop.example">Help</a></body>'
    )
    tracked, text = track(
        html, f"A <https://shop.example/a> or <{leave}>", signer=SIGNER, message_id=ID
    )
    assert leave in tracked
    assert leave in text
    assert "shop.example/a" not in tracked.replace("mail.shop.example", "")
    assert "mailto:help@shop.example" in tracked
    assert SIGNER.url("click", ID, number=1, url="https://shop.example/a?x=1&y=2") in tracked
    assert tracked.count(SIGNER.url("click", ID, number=2, url="https://shop.example/b")) == 2
    assert SIGNER.url("open", ID) in tracked
    assert SIGNER.url("click", ID, number=3, url="https://shop.example/a") in text


def test_a_trap_is_invisible() -> None:
    html, _ = track("<body></body>", "", signer=SIGNER, message_id=ID, trap=True)
    assert f'<a href="{SIGNER.url("trap", ID)}" style="display:none"></a>' in html

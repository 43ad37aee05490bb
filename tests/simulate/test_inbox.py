"""What can be seen in a mail, from raw bytes to items and links."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from synthetic_worlds import BASE, END, Worlds, read_csv, write_mail

from vocative.errors import DataError
from vocative.simulate import DeliveredMail, parse_mail
from vocative.simulate.inbox import Eye
from vocative.simulate.truth import read_truth


@pytest.fixture(scope="module")
def eye(worlds: Worlds) -> Eye:
    return Eye(read_truth(worlds().folder).items)


def test_items_are_known_by_their_titles(worlds: Worlds, eye: Eye) -> None:
    items = read_csv(worlds().items)
    contents = eye.read(write_mail(4, "a@example.com", [items[7], items[300], items[31]]))
    assert contents.items == (7, 300, 31)
    assert contents.item_links == {7: f"{BASE}/c/4i0", 300: f"{BASE}/c/4i1", 31: f"{BASE}/c/4i2"}
    assert contents.pixel == f"{BASE}/o/4.gif"
    assert contents.leave_url == f"{BASE}/u/4?one-click"
    assert f"{BASE}/u/4" in contents.all_links
    assert contents.other_links == ()


def test_people_do_not_see_traps(eye: Eye) -> None:
    page = (
        f'<a href="{BASE}/c/trap1" style="display: none">Shop</a><a href="{BASE}/c/trap2"></a>'
        f'<a href="{BASE}/c/real">Shop</a>'
    )
    mail = DeliveredMail(to_address="a@example.com", at=END, message_id="m", subject="", html=page)
    contents = eye.read(mail)
    assert contents.other_links == (f"{BASE}/c/real",)
    assert contents.all_links == (f"{BASE}/c/trap1", f"{BASE}/c/trap2", f"{BASE}/c/real")


def test_titles_inside_sentences_and_across_tags(worlds: Worlds, eye: Eye) -> None:
    title = read_csv(worlds().items)[12]["title"]
    first, rest = title.split(" ", 1)
    page = f"<p>Only £9:&nbsp;<b>{first}</b> {rest.upper()} &ndash; last chance</p>"
    mail = DeliveredMail(to_address="a@example.com", at=END, message_id="m", subject="", html=page)
    assert eye.read(mail).items == (12,)


def test_plain_text_mails_have_items_and_links(worlds: Worlds, eye: Eye) -> None:
    title = read_csv(worlds().items)[12]["title"]
    text = f"{title}\n{BASE}/c/x\n\nTo unsubscribe: {BASE}/unsubscribe/x"
    mail = DeliveredMail(to_address="a@example.com", at=END, message_id="m", subject="", text=text)
    contents = eye.read(mail)
    assert contents.items == (12,)
    assert contents.other_links == (f"{BASE}/c/x",)
    assert len(contents.all_links) == 2


def test_untracked_product_pages_are_known_by_their_address(worlds: Worlds, eye: Eye) -> None:
    url = read_csv(worlds().items)[5]["url"]
    page = f'<a href="{url}">Shop now</a>'
    mail = DeliveredMail(to_address="a@example.com", at=END, message_id="m", subject="", html=page)
    assert eye.read(mail).item_links == {5: url}


def test_raw_messages_are_parsed() -> None:
    message = EmailMessage()
    message["To"] = "Zoë <zoe@example.com>"
    message["Subject"] = "Für dich, Zoë"
    message["Message-ID"] = "<m1.abc@shop.example>"
    message["Date"] = "Mon, 23 Nov 2026 08:00:00 +0100"
    message["List-Unsubscribe"] = "<https://shop.example/u/1>"
    message.set_content("plain")
    message.add_alternative("<p>rich</p>", subtype="html")
    mail = parse_mail(message.as_bytes())
    assert (mail.to_address, mail.subject) == ("zoe@example.com", "Für dich, Zoë")
    assert mail.message_id == "m1.abc"
    assert mail.at == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert (mail.html.strip(), mail.text.strip()) == ("<p>rich</p>", "plain")
    assert mail.headers["List-Unsubscribe"] == "<https://shop.example/u/1>"


def test_a_mail_without_a_date_needs_an_instant() -> None:
    with pytest.raises(DataError, match="Date"):
        parse_mail(b"Subject: x\r\n\r\nbody")
    assert parse_mail(b"Subject: x\r\n\r\nbody", at=END).at == END

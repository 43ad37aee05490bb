"""What identifies a person is in the vault, encrypted, and in no other file."""

import base64
import sqlite3
import urllib.parse
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from identified import event, history, people, put

from vocative.collect.importing import import_file
from vocative.identify.apply import apply_log
from vocative.identify.personal import (
    REMOVED,
    clean_properties,
    clean_text,
    snake,
    split_traits,
)
from vocative.stores import open_store
from vocative.workspace import Trait, Workspace
from vocative.workspace.history import History

EMAIL = "Zebedee.Quagmire@Canary-Post.example"
OTHER_EMAIL = "zq.private@canary-two.example"
PHONE = "+44 7700 900461"
STREET = "77 Canaryfeather Lane"
SECRETS = [EMAIL, OTHER_EMAIL, "Zebedee", "Quagmire", PHONE, STREET, "Canaryville", "QX7 9ZZ"]
ADDRESS = {"street": STREET, "city": "Canaryville", "postalCode": "QX7 9ZZ", "country": "GB"}

CANARIES: list[dict[str, Any]] = [
    event("identify", 0, userId=EMAIL, traits={
        "email": EMAIL, "firstName": "Zebedee", "last_name": "Quagmire", "phone": PHONE,
        "address": ADDRESS, "nickname of the cat": "Zebedee", "country": "GB",
        "favourite": f"mail me at {OTHER_EMAIL}",
    }),
    event("track", 1, userId=EMAIL, event=f"Invited {OTHER_EMAIL}", properties={
        "email": EMAIL, "customer_email": OTHER_EMAIL, "message": "Hello, I am Zebedee Quagmire",
        "question": f"Please write to {OTHER_EMAIL} or ring {PHONE}, thanks",
        "url": "https://shop.example/x?email=" + urllib.parse.quote(EMAIL) + "&name=Zebedee",
        "referrer": f"/account?mail={OTHER_EMAIL}#Zebedee",
        "search": "?name=Quagmire&email=" + urllib.parse.quote_plus(OTHER_EMAIL),
        "link": f"see https://shop.example/?e={urllib.parse.quote(OTHER_EMAIL)}",
        OTHER_EMAIL: 1,
        "customer": {"name": "Zebedee Quagmire", "id": 5},
        "billing_first_name": "Zebedee", "shippingAddress": ADDRESS, "billing": ADDRESS,
        "nested": {"list": [{"email": EMAIL, "note": "Quagmire"}, f"x {EMAIL} y"]},
        "order_id": f"order of {EMAIL}", "coupon": OTHER_EMAIL,
        "products": [{"product_id": EMAIL, "category": OTHER_EMAIL, "price": 1, "quantity": 1}],
    }),
    event("page", 2, anonymousId=OTHER_EMAIL, name="Home", properties={
        "path": f"/u/{EMAIL}/basket", "title": f"Basket of {EMAIL}",
    }),
    event("track", 3, userId=EMAIL, event="Consent Given", properties={
        "purpose": "marketing", "channel": "email", "source": f"form of {EMAIL}",
        "wording": f"I, {OTHER_EMAIL}, agree",
    }),
    event("track", 4, userId=EMAIL, event="Order Completed", messageId=EMAIL, properties={
        "order_id": "o1", "total": 12.5, "currency": "GBP", "shipping": 4.9,
    }, context={"ip": "203.0.113.77", "traits": {"email": EMAIL}}),
    event("track", 5, properties={"email": EMAIL}),
    event("track", 6, event="", userId=EMAIL),
    event("track", 7, userId=EMAIL, properties=[EMAIL]),
]  # fmt: skip


def forms(secret: str) -> set[bytes]:
    """How a value could be written."""
    found = set()
    for text in (secret, secret.lower(), secret.upper()):
        found |= {
            text.encode(),
            text.encode("utf-16-le"),
            base64.b64encode(text.encode()).rstrip(b"="),
            base64.urlsafe_b64encode(text.encode()).rstrip(b"="),
            urllib.parse.quote(text).encode(),
            urllib.parse.quote_plus(text).encode(),
            urllib.parse.quote(text, safe="").encode(),
        }
    return found


def everything_written(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, and what is inside compressed columns."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            found[path.name] = path.read_bytes()
            if path.suffix == ".parquet":
                found[f"{path.name} (columns)"] = str(pq.read_table(path).to_pylist()).encode()
            if path.name == "store.db":
                # A long value lies on several pages: only read out is it in one piece.
                with open_store(f"sqlite:///{path}") as store, store.read() as tx:
                    for relation, rows in History(folder).tail(tx).items():
                        found[f"tail of {relation}"] = str(rows.to_pylist()).encode()
    return found


def leaks(folder: Path, secrets: list[str]) -> list[tuple[str, str]]:
    written = everything_written(folder)
    return [
        (name, secret)
        for secret in secrets
        for form in forms(secret)
        for name, body in written.items()
        if form in body
    ]


def test_a_person_is_in_no_file_but_the_vault_and_the_log(
    workspace: Workspace, tmp_path: Path
) -> None:
    (workspace.root / "traits.yaml").write_text(
        "country: {}\nfavourite: {}\nemail: {personal: true}\n"
    )
    put(workspace, *CANARIES)
    assert leaks(workspace.state_dir, SECRETS) == []  # with the write-ahead logs as they are
    table = tmp_path / "people.csv"
    table.write_text(
        "id,mail,first,street,born,note\n"
        f'{EMAIL},{EMAIL},Zebedee,"{STREET}",2001-02-03,"Quagmire ""Q"" {OTHER_EMAIL}"\n'
        f"{OTHER_EMAIL},not an address {EMAIL},,,nonsense,\n"
        f"broken {EMAIL}\n"
    )
    mapping = tmp_path / "people.yaml"
    mapping.write_text(
        "people: {user_id: id, at: born, traits: {email: mail, firstName: first, street: street,"
        " note: note}}\n"
        "reject: [{reason: no birthday, when: born = 'nonsense'}]\n"
    )
    report = import_file(workspace, table, mapping=mapping)
    apply_log(workspace)
    assert sum(tally.rows for tally in report.rejected) == 2
    assert leaks(workspace.state_dir, SECRETS) == []
    # It is not lost either: the vault has it.
    [known] = [one for one in people(workspace).values() if one["vault"].get("phone")]
    assert known["vault"]["email"] == EMAIL.lower()
    assert known["vault"]["phone"] == PHONE
    assert known["vault"]["address_street"] == STREET
    assert known["vault"]["nickname_of_the_cat"] == "Zebedee"  # declared nowhere: personal
    assert known["vault"]["note"] == f'Quagmire "Q" {OTHER_EMAIL}'
    assert known["traits"] == {
        "country": "GB",
        "favourite": f"mail me at {REMOVED}",
        "email_domain": "canary-post.example",
        "email_kind": "ordinary",
    }
    # And the search does find what is there.
    assert leaks(workspace.state_dir, ["canary-post.example"])
    with sqlite3.connect(workspace.state_dir / "store.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert leaks(workspace.state_dir, SECRETS) == []


def test_what_is_not_personal_stays_of_use(workspace: Workspace) -> None:
    put(workspace, CANARIES[4])
    [row] = history(workspace)
    assert (row["order_id"], row["revenue"], row["currency"]) == ("o1", 12.5, "GBP")
    assert row["properties"] == '{"shipping":4.9}'


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("write to ana@example.com, please", f"write to {REMOVED}, please"),
        ("<a href='mailto:o'neill@example.co.uk'>", f"<a href='mailto:{REMOVED}'>"),
        ("ana%40example.com", REMOVED),
        ("JOSÉ@EXÁMPLE.COM", REMOVED),
        ("a@b", "a@b"),
        ("size @ 5.0 or 5 @ 3.50, 2@3.50", "size @ 5.0 or 5 @ 3.50, 2@3.50"),
        ("a/b@example.com", f"a/{REMOVED}"),
        ("+49 (0)30 1234567 is free", f"{REMOVED} is free"),
        ("2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"),
        ("A+B +5% 100+20", "A+B +5% 100+20"),
        ("https://shop.example/a?b=c", "https://shop.example/a"),
        ("HTTPS://shop.example/a#token=1", "HTTPS://shop.example/a"),
        ("/a/b?c=d", "/a/b"),
        ("?q=shoes", ""),
        ("why? because", "why? because"),
        ("Rock #1?", "Rock #1?"),
        ("x" * 3_000, "x" * 2_000),
        ("x" * 1_990 + " ana@example.com", "x" * 1_990 + " [removed]"[:10]),
    ],
)
def test_text_is_cleaned(written: str, kept: str) -> None:
    assert clean_text(written) == kept


@pytest.mark.parametrize("part", ["a", "a@", "@", "a.", "%40", "+1 ", "@a."])
def test_text_made_to_be_slow_is_not(part: str) -> None:
    import time

    started = time.process_time()
    clean_text(part * (200_000 // len(part)) + "@")
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "name",
    "email|E-Mail|firstName|FIRST NAME|user_id|IPAddress|ip|billingPostcode|customer-phone"
    "|shipping.street|dateOfBirth|ana@example.com".split("|"),
)
def test_personal_names_are_known_however_they_are_written(name: str) -> None:
    assert clean_properties({name: "x", "size": 1}) == {"size": 1}


@pytest.mark.parametrize(
    "name", ["name", "product_name", "brand", "skip", "trip", "coupon", "list_id", "größe", "имя"]
)
def test_names_of_things_stay(name: str) -> None:
    assert clean_properties({name: "x"}) == {name: "x"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.emails(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
    )
)
def test_no_address_passes_in_any_nesting(value: object) -> None:
    kept = str(clean_properties({"a": ["x", {"b": [value, "ana@example.com"]}], "ana@b.cd": value}))
    assert "ana@" not in kept


@given(st.emails(), st.text(" .,;()<>\"'", max_size=2), st.text(" .,;()<>\"'", max_size=2))
def test_every_address_is_found_in_text(address: str, before: str, after: str) -> None:
    domain = address.rpartition("@")[2]
    assert domain not in clean_text(f"{before}{address}{after}")


def test_every_trait_goes_to_one_place() -> None:
    declared = {
        "country": Trait(),
        "größe": Trait(type="number"),
        "first_name": Trait(personal=True),
        "zip": Trait(),
    }
    said = {
        "Country": "FR",
        "Größe": 5,
        "firstName": "Ana",
        "zip": "1",
        "имя": "Аня",
        "address": {"city": "Bath"},
        "tags": ["a", 1],
        "gone": None,
        "": "x",
    }
    vault, opened = split_traits(said, declared)
    assert opened == {"country": "FR", "größe": 5}
    assert vault == {
        "first_name": "Ana",
        "zip": "1",
        "имя": "Аня",
        "address_city": "Bath",
        "tags": '["a",1]',
        "gone": None,
    }


@given(st.text(max_size=20))
def test_a_name_in_snake_case_stays(name: str) -> None:
    assert snake(snake(name)) == snake(name)

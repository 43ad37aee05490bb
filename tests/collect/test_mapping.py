# ruff: noqa: E501 - a table of cases
"""A wrong mapping is one error that points at its word, before anything is taken in."""

from pathlib import Path

import pytest
from imported import HEADER, MAPPING, nothing_happened, take_in

from vocative.collect.mapping import check_definitions, read_mapping
from vocative.errors import AuthorError
from vocative.workspace import Workspace
from vocative.workspace.yaml_text import parse_yaml, read_yaml

TABLE = f"{HEADER}\no1,u1,2026-01-02 10:00,12.50,GB\n"
PEOPLE = "people: {user_id: who}\n"

WRONG = [
    # text, message, the rest of the line under the caret, hint
    (MAPPING.replace("amount)", "amont)"), "unknown field 'amont'", "amont)", "'amount'"),
    (MAPPING.replace("{order_id: order_no,", "{order_id: ordr_no,"), "unknown field", "ordr_no", ""),
    (MAPPING.replace("user_id: who", "user_id: to_number(who)"), "gives number", "to_number", "text"),
    (MAPPING.replace("at: at", "at: to_number(at)"), "gives number", "to_number(at)", ""),
    (MAPPING.replace("money: to_number(amount)", "money: amount"), "not number", "amount", ""),
    (MAPPING.replace("\"'Order Completed'\"", "Order Completed"), "", "", ""),
    (MAPPING + "evnts: {}\n", "unknown field `evnts`", "evnts", "did you mean 'events'?"),
    (MAPPING.replace("properties:", "propertis:"), "unknown field", "propertis", "'properties'"),
    (MAPPING + "reject: {}\n", "Expected `array`", "{}", ""),
    (MAPPING + "reject: [{reason: x}]\n", "either `when:` or `duplicate", "{reason", ""),
    (MAPPING + "reject: [{reason: ' ', duplicate: true}]\n", "needs a reason", " '", ""),
    (MAPPING + "reject:\n  - {reason: x, when: amount}\n", "not boolean", "amount", ""),
    (MAPPING + "reject:\n  - reason: x\n    when: >-\n      amount = '1' and\n      cuntry = 'x'\n",
     "unknown field 'cuntry'", "cuntry", "country"),
    (MAPPING + "time_format: [1]\n", "Expected `str", "[1]", ""),
    (MAPPING + "time_format: \"%Q\"\n", "no way of writing times", "%Q", "%d/%m/%Y"),
    (MAPPING + "delimiter: ab\n", "one character", "ab", "\\t"),
    (MAPPING + "encoding: utf-9\n", "unknown encoding", "utf-9", "cp1252"),
    (MAPPING + "encoding: base64\n", "unknown encoding", "base64", ""),
    (MAPPING.replace("Europe/London", "Europe/Londn"), "unknown time zone", "Europe/Londn", "London"),
    (MAPPING + "items: {title: who}\n", "items need an item_id", "{title", ""),
    (MAPPING + "items: {item_id: who, pric: amount}\n", "no field 'pric'", "pric", "'price'"),
    (MAPPING + "items: {item_id: 5}\n", "Expected `str`, got `int`", "5}", ""),
    ("people: {traits: {a: who}}\n", "need a user_id or an anonymous_id", "{traits", ""),
    ("describe: nothing\n", "makes nothing of a row", "", "add people:"),
    ("", "makes nothing of a row", "", ""),
    (PEOPLE + "consents: [{channel: email}]\n", "missing required field `given`", "{channel", ""),
    (PEOPLE + "consents: [{given: who}]\n", "not boolean", "who", ""),
    ("items: {item_id: who}\nconsents: [{given: who = 'x'}]\n", "consents need people", "[{", ""),
    (PEOPLE + "events: {name: who, at: at, products: {a: who}}\n", "products need group_by", "{a:", ""),
    (PEOPLE + "events: {name: who, at: at, group_by: [ordr_no]}\n", "unknown column 'ordr_no'",
     "ordr_no", "did you mean 'order_no'"),
    (PEOPLE + "events: {name: who}\n", "missing required field `at`", "{name", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "under", "hint"), WRONG)
def test_a_wrong_mapping_is_pointed_at(
    workspace: Workspace, text: str, message: str, under: str, hint: str
) -> None:
    with pytest.raises(AuthorError) as caught:
        take_in(workspace, TABLE, text)
    error = caught.value
    assert message in error.message
    assert hint in f"{error.message} {error.hint}"
    where = error.where
    assert where is not None
    assert where.file == "orders.yaml"
    assert where.source_line is not None
    assert where.column is not None
    assert where.source_line[where.column - 1 :].startswith(under)
    assert nothing_happened(workspace)


def test_expressions_that_do_not_fit_together(workspace: Workspace) -> None:
    report = take_in(
        workspace,
        TABLE,
        PEOPLE + "events: {name: who, at: at, properties: {a: case when true then amount end}}\n",
    )
    assert report.used == 1


def test_only_vocative_is_called_vocative(workspace: Workspace) -> None:
    for mapping, source in ((MAPPING.replace("shop", "vocative"), None), (MAPPING, "vocative")):
        with pytest.raises(AuthorError, match="Vocative's own"):
            take_in(workspace, TABLE, mapping, source=source)
    for source in (" ", "x" * 101, "a\nb"):
        with pytest.raises(AuthorError, match="printable"):
            take_in(workspace, TABLE, source=source)
    assert nothing_happened(workspace)
    assert take_in(workspace, TABLE, source="till 5").source == "till 5"
    assert take_in(workspace, TABLE, MAPPING.replace("source: shop\n", "")).source == "orders"


def test_a_workspaces_mappings_are_checked_without_a_file(workspace: Workspace) -> None:
    folder = workspace.root / "mappings"
    folder.mkdir()
    (folder / "orders.yaml").write_text(MAPPING)
    check_definitions(workspace)
    (folder / "wrong.yaml").write_text("people: {}\n")
    with pytest.raises(AuthorError, match="user_id") as caught:
        check_definitions(workspace)
    assert caught.value.where is not None
    assert caught.value.where.file == "mappings/wrong.yaml"


def test_the_mappings_that_come_along_are_sound() -> None:
    root = Path(__file__).parents[2]
    found = [
        *(root / "examples").rglob("mapping*/*.yaml"),
        *(root / "examples").rglob("mapping.yaml"),
        *(root / "src/vocative/workspace/starter/mappings").glob("*.yaml"),
    ]
    assert len(found) >= 3
    for path in found:
        read_mapping(read_yaml(path))


def test_columns_may_have_any_name(workspace: Workspace) -> None:
    table = 'Order No,"who ""x""",größe,at\no1,u1,5,2026-01-02\n'
    mapping = (
        'people: {user_id: \'"who ""x"""\'}\n'
        "events:\n  name: \"'Order Completed'\"\n  at: at\n  group_by: [Order No]\n"
        "  properties: {size: '\"größe\"', order_id: '\"Order No\"'}\n"
    )
    report = take_in(workspace, table, mapping)
    assert report.used == 1
    with workspace.engine() as engine:
        rows = engine.rows("SELECT order_id, properties FROM events WHERE name <> 'Identified'")
    assert rows == [{"order_id": "o1", "properties": '{"size":"5"}'}]


def test_a_mapping_is_read_without_a_place_for_everything() -> None:
    mapping = read_mapping(parse_yaml(MAPPING, "m.yaml"))
    assert mapping.encoding == "utf-8"
    assert mapping.events is not None

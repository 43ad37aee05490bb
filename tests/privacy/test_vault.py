"""The vault gives back what it took, to whoever has the key, until a person is erased."""

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.clock import FixedClock
from vocative.errors import PrivacyError
from vocative.privacy.keys import WorkspaceKey
from vocative.privacy.vault import Vault, merge_statements
from vocative.stores import Store, open_store

NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEY = WorkspaceKey.derive(b"m" * 32)
ANA = {"email": "ana@example.com", "first_name": "Ana"}


@pytest.fixture
def vault(clock: FixedClock) -> Vault:
    return Vault(KEY, clock)


def test_fields_come_back_and_merge(store: Store, vault: Vault) -> None:
    with store.transaction() as tx:
        assert vault.get(tx, "p1") == {}
        vault.put_many(tx, {"p1": ANA, "p2": {}})
        vault.put_many(tx, {"p1": {"phone": "+44", "first_name": None}})
        assert vault.get(tx, "p1") == {"email": "ana@example.com", "phone": "+44"}
        assert vault.get_many(tx, ["p1", "p2", "p3"]) == {
            "p1": {"email": "ana@example.com", "phone": "+44"},
            "p2": {},
        }


def test_an_older_statement_changes_nothing(store: Store, vault: Vault) -> None:
    with store.transaction() as tx:
        vault.learn_many(tx, {"p1": {"city": ("Bath", 10), "phone": (None, 10)}})
        vault.learn_many(tx, {"p1": {"city": ("York", 9), "phone": ("+44", 9)}})
        assert vault.get(tx, "p1") == {"city": "Bath"}  # what was removed does not come back
        vault.learn_many(tx, {"p1": {"city": ("Hull", 10)}})
        assert vault.get(tx, "p1") == {"city": "Hull"}


def test_erasing_leaves_nothing_to_read(store: Store, vault: Vault) -> None:
    with store.transaction() as tx:
        vault.put_many(tx, {"p1": ANA, "p2": ANA})
        key = tx.value("SELECT wrapped_key FROM vault_keys WHERE person_id = 'p1'")
        assert vault.erase(tx, "p1") is True
        assert vault.erase(tx, "p1") is False
        assert vault.get_many(tx, ["p1", "p2"]) == {"p2": ANA}
        # A new record of the same person has a new key: an old backup stays unreadable.
        vault.put_many(tx, {"p1": {"email": "new@example.com"}})
        assert tx.value("SELECT wrapped_key FROM vault_keys WHERE person_id = 'p1'") != key


def test_a_record_outlives_its_key_unread(store: Store, vault: Vault) -> None:
    with store.transaction() as tx:
        vault.put_many(tx, {"p1": ANA})
        tx.run("DELETE FROM vault_keys")
        assert vault.get(tx, "p1") == {}


def test_what_parts_of_a_person_stated_lies_under_that_persons_key(
    store: Store, vault: Vault
) -> None:
    parts = {"a": {"city": ("Bath", 1)}, "b": {"city": ("York", 2), "zip": (None, 1)}}
    with store.transaction() as tx:
        vault.learn_many(tx, {"a": parts["a"], "b": parts["b"], "c": {"city": ("Kent", 1)}})
        sealed = vault.replace(tx, {"a": parts["b"]}, {"a": parts}, gone=["b"])
        assert vault.get_many(tx, ["a", "b", "c"]) == {"a": {"city": "York"}, "c": {"city": "Kent"}}
        found = {origin: ("a", body) for origin, body in sealed.items()}
        assert vault.stated_apart(tx, found) == parts
        assert vault.stated(tx, ["a", "b"]) == {"a": parts["b"]}
        with pytest.raises(PrivacyError):
            vault.stated_apart(tx, {"a": ("a", sealed["b"])})
        tx.run(
            "INSERT INTO origins (origin, person_id, first_seen_at, updated_at, traits, traits_at,"
            " vault) VALUES ('b', 'a', 1, 1, '{}', '{}', :body)",
            {"body": sealed["b"]},
        )
        assert vault.erase(tx, "a") is True
        assert tx.value("SELECT vault FROM origins") is None
        assert vault.stated_apart(tx, found) == {}


@pytest.mark.parametrize("column", ["wrapped_key", "ciphertext"])
def test_what_belongs_to_one_person_opens_for_no_other(
    store: Store, vault: Vault, column: str
) -> None:
    table = "vault_keys" if column == "wrapped_key" else "vault_records"
    with store.transaction() as tx:
        vault.put_many(tx, {"p1": ANA, "p2": {"email": "bo@example.com"}})
        for person in ("p1", "p2"):
            tx.run(
                f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE person_id ="
                " :other) WHERE person_id = :person",
                {"person": person, "other": "p1"},
            )
        with pytest.raises(PrivacyError, match="p2 cannot be opened"):
            vault.get(tx, "p2")
        # Not even together with its key.
        both = "UPDATE vault_records SET ciphertext = (SELECT ciphertext FROM vault_records"
        tx.run(both + " WHERE person_id = 'p1') WHERE person_id = 'p2'")
        keys = "UPDATE vault_keys SET wrapped_key = (SELECT wrapped_key FROM vault_keys"
        tx.run(keys + " WHERE person_id = 'p1') WHERE person_id = 'p2'")
        with pytest.raises(PrivacyError):
            vault.get(tx, "p2")


@pytest.mark.parametrize("ciphertext", [b"", b"x", b"x" * 12, b"x" * 200])
def test_a_damaged_record_is_refused(store: Store, vault: Vault, ciphertext: bytes) -> None:
    with store.transaction() as tx:
        vault.put_many(tx, {"p1": ANA})
        tx.run("UPDATE vault_records SET ciphertext = :c", {"c": ciphertext})
        with pytest.raises(PrivacyError, match="cannot be opened"):
            vault.get(tx, "p1")


def test_another_key_neither_reads_nor_writes(store: Store, vault: Vault) -> None:
    other = Vault(WorkspaceKey.derive(b"o" * 32), FixedClock(vault._clock.now()))
    with store.transaction() as tx:
        vault.put_many(tx, {"p1": ANA})
        with pytest.raises(PrivacyError) as caught:
            other.get(tx, "p1")
        assert "Ana" not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(PrivacyError):
            other.put_many(tx, {"p1": {"phone": "+44"}})
        assert vault.get(tx, "p1") == ANA


def test_more_people_than_fit_one_statement(store: Store, vault: Vault) -> None:
    people = {f"p{number}": {"email": f"{number}@example.com"} for number in range(1_203)}
    with store.transaction() as tx:
        vault.put_many(tx, people)
        assert vault.get_many(tx, people) == people


def test_looking_up_needs_the_key_and_the_namespace(vault: Vault, clock: FixedClock) -> None:
    found = vault.lookup_hash("email", "ana@example.com")
    assert found == Vault(KEY, clock).lookup_hash("email", "ana@example.com")
    assert found != vault.lookup_hash("user_id", "ana@example.com")
    other = Vault(WorkspaceKey.derive(b"o" * 32), clock)
    assert found != other.lookup_hash("email", "ana@example.com")
    assert len(vault.lookup_hash("email", "\ud800")) == len(found)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all of Hypothesis' examples."""
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('vault') / 'store.db'}") as store:
        yield store


values = st.none() | st.text(st.characters(codec="utf-8"), max_size=12)
records = st.dictionaries(
    st.sampled_from(["email", "phone", "ciudad natal", ""]),
    st.tuples(values, st.integers(0, 4)),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), records), max_size=8))
def test_the_vault_is_a_dictionary_in_which_the_newest_wins(
    shared_store: Store,
    learned: list[tuple[str, dict[str, tuple[str | None, int]]]],
) -> None:
    model: dict[str, dict[str, tuple[str | None, int]]] = {}
    vault = Vault(KEY, FixedClock(NOW))
    with shared_store.transaction() as tx:
        for table in ("vault_keys", "vault_records"):
            tx.run(f"DELETE FROM {table}")
        for person_id, stated in learned:
            vault.learn_many(tx, {person_id: stated})
            known = model.setdefault(person_id, {})
            for name, statement in stated.items():
                if statement[1] >= known.get(name, (None, -1))[1]:
                    known[name] = statement
        expected = {
            person_id: {name: value for name, (value, _) in known.items() if value is not None}
            for person_id, known in model.items()
        }
        assert vault.get_many(tx, "abc") == expected


@given(records, records, records)
def test_merging_does_not_depend_on_grouping(
    first: dict[str, tuple[str | None, int]],
    second: dict[str, tuple[str | None, int]],
    third: dict[str, tuple[str | None, int]],
) -> None:
    left = merge_statements(merge_statements(first, second), third)
    assert left == merge_statements(first, merge_statements(second, third))
    assert merge_statements(first, first) == first


def test_time_moves_for_statements_made_now(store: Store, vault: Vault, clock: FixedClock) -> None:
    with store.transaction() as tx:
        vault.put_many(tx, {"p1": {"city": "Bath"}})
        clock.advance(timedelta(seconds=1))
        vault.put_many(tx, {"p1": {"city": "York"}})
        assert vault.get(tx, "p1") == {"city": "York"}

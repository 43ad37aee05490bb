"""Transactions that concern the same things, one after the other."""

from collections.abc import Iterable

from vocative.stores.base import Transaction


def hold(tx: Transaction, names: Iterable[str]) -> None:
    """Wait for whoever holds one of these names, and hold them all until the transaction ends.

    On SQLite there is one writer anyway. Hold everything at once: whoever holds one thing and then
    wants another may wait for somebody who waits for them.
    """
    if tx.dialect != "postgresql":
        return
    tx.rows(
        "SELECT pg_advisory_xact_lock(hashtextextended(asked.name, 0))"
        " FROM unnest(CAST(:names AS TEXT[])) WITH ORDINALITY AS asked (name, place)"
        " ORDER BY asked.place",
        {"names": sorted(set(names))},
    )

"""Operational state on SQLite (the embedded default) or PostgreSQL.

`open_store(url)` brings the schema up to date and returns a `Store`.
"""

from vocative.stores.base import Row, Store, StoreBusy, StoreError, Transaction, load_queries
from vocative.stores.holding import hold
from vocative.stores.lists import in_lists
from vocative.stores.opening import open_store

__all__ = [
    "Row",
    "Store",
    "StoreBusy",
    "StoreError",
    "Transaction",
    "hold",
    "in_lists",
    "load_queries",
    "open_store",
]

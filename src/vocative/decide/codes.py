"""Codes of which everybody gets their own: each one of a file is given once.

`codes/<name>.txt` has a code in each line. Which are given is written in the ledger, in the
transaction that plans a run: a message that is tried again has its code already, and looking at a
template takes none. A code of a message that is never sent is not given to anybody else.
"""

import re
from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from vocative.decide.offers import Offer
from vocative.errors import AuthorError, StateError, Where
from vocative.stores import Transaction
from vocative.workspace import Workspace

LOCK = "offer_codes"
"""The job that one process at a time does: to see which codes are left, and to plan with them."""
FOLDER = "codes"
_NAME = re.compile(r"\w{1,60}")
_MOST_CHARACTERS = 100


def read_codes(workspace: Workspace, name: str, *, where: Where | None = None) -> list[str]:
    """The codes of a file, in its order.

    Args:
        workspace: Whose file.
        name: The file's name, without `.txt`.
        where: Who names it.

    Raises:
        AuthorError: there is no such file, or it has a code twice or one that is too long.
    """
    shown_as = f"{FOLDER}/{name[:60]}.txt"
    path = workspace.root / FOLDER / f"{name}.txt"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise AuthorError(
            f"there is no file {shown_as}", where=where, hint="write it, with a code in each line"
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        code = line.strip()
        if code in seen or len(code) > _MOST_CHARACTERS:
            what = "stands there twice" if code in seen else "is too long"
            raise AuthorError(f"a code {what}", where=Where(file=shown_as, line=number))
        if code:
            seen.add(code)
    return [code for line in lines if (code := line.strip())]


class CodeGiver:
    """Gives out what is left of the codes that some offers name.

    Whoever plans with it holds the lock `LOCK` from before it is made until what was given is
    committed.
    """

    def __init__(self, workspace: Workspace, offers: Iterable[Offer]) -> None:
        self._left: dict[str, deque[str]] = {}
        with workspace.store.read() as tx:
            for name in {offer.codes for offer in offers if offer.codes}:
                given = _given(tx, name)
                codes = read_codes(workspace, name)
                self._left[name] = deque(code for code in codes if code not in given)

    def give(self, offer: Offer) -> dict[str, Any]:
        """What a decision notes of an offer's code: nothing where everybody gets the same.

        Raises:
            StateError: there is none left.
        """
        if offer.codes is None:
            return {}
        if not self._left[offer.codes]:
            raise StateError(
                f"there are more people who get the offer {offer.name!r} than codes left in"
                f" {FOLDER}/{offer.codes}.txt",
                hint="add codes to the file; nothing was planned",
            )
        return {"codes": offer.codes, "code": self._left[offer.codes].popleft()}


def _given(tx: Transaction, name: str) -> set[str]:
    """The codes of a file that stand in the ledger."""
    noted = '"codes":' + msgspec.json.encode(name).decode()
    rows = tx.tuples(
        "SELECT decision FROM messages WHERE decision LIKE :noted", {"noted": f"%{noted}%"}
    )
    decisions = (msgspec.json.decode(decision) for (decision,) in rows)
    return {str(one["code"]) for one in decisions if one.get("codes") == name}

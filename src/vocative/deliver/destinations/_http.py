"""HTTP to destinations: the sources' paced and patient client, with errors that name destinations.

What a request is refused with tells whether the definition is to blame (`DestinationRefused`) or
what was sent (`RowRefused`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from vocative.collect.sources._http import Answer, Http, SourceDown, SourceRefused
from vocative.deliver.destinations.base import (
    Change,
    DestinationDown,
    DestinationRefused,
    Refused,
    RowRefused,
)
from vocative.errors import DataError

OF_A_ROW = (400, 409, 413, 422)
"""Statuses that speak of what was sent, not of who sent it."""


class Api:
    """Requests to one destination; used by one thread at a time.

    Args:
        http: A client to its host.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        missing_is_fine: bool = False,
    ) -> Any:
        """One request with a JSON body; what it was answered with, or None without a body.

        Args:
            method: Such as `PUT`.
            path: Behind the base address.
            json: The body.
            params: Put behind the address.
            headers: Beside those of the client.
            missing_is_fine: An answer of 404 or 410 is None: what is to go away is gone.

        Raises:
            DestinationDown, DestinationRefused, RowRefused: see the module.
        """
        content = None if json is None else msgspec.json.encode(json)
        told = {**({} if json is None else {"content-type": "application/json"}), **(headers or {})}
        answer = self.send(
            method, path, content, params=params, headers=told, missing_is_fine=missing_is_fine
        )
        if answer is None or not answer.body.strip():
            return None
        with named():
            return answer.json()

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        missing_is_fine: bool = False,
    ) -> Answer | None:
        """The same with a body as it is to go out; None when something is missing and may be.

        Raises:
            DestinationDown, DestinationRefused, RowRefused: see the module.
        """
        with named():
            try:
                return self._http.send(
                    method, path, content=content, params=params, headers=headers
                )
            except SourceRefused as refused:
                if missing_is_fine and refused.answer_status in (404, 410):
                    return None
                raise

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()


@contextmanager
def named() -> Iterator[None]:
    """Turn what the sources' client raises into errors of destinations."""
    try:
        yield
    except SourceDown as down:
        raise DestinationDown(_words(down.message), wait_seconds=down.wait_seconds) from None
    except SourceRefused as refused:
        kind = RowRefused if refused.answer_status in OF_A_ROW else DestinationRefused
        hint = refused.hint and _words(refused.hint).replace("may read", "may change")
        raise kind(_words(refused.message), hint=hint) from None
    except DataError as error:
        raise DestinationRefused(_words(error.message)) from None


def one_by_one(changes: Sequence[Change], send: Callable[[Change], object]) -> Refused:
    """Send changes to a system that takes one at a time; which of them were refused, and why.

    Raises:
        DestinationDown, DestinationRefused: none is taken any more.
    """
    refused = {}
    for index, change in enumerate(changes):
        try:
            send(change)
        except RowRefused as error:
            refused[index] = error.message
    return refused


def _words(message: str) -> str:
    return message.replace("the source", "the destination").replace(
        "this source", "this destination"
    )

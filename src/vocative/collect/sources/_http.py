"""A paced and patient HTTP client for sources.

It keeps to a rate, waits as a `Retry-After` asks, tries again what may work later, and tells apart
what will not work (`SourceRefused`) from what does not work now (`SourceDown`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vocative.errors import DataError, ProviderError, Retryable

Secret = str
"""A reference to a secret: `env:NAME` or `file:PATH`. Definitions stand in git, secrets do not."""


class SourceDown(ProviderError, Retryable):
    """The source cannot be reached now, or asks to wait."""

    def __init__(self, message: str, *, wait_seconds: float | None = None, **told: Any) -> None:
        super().__init__(message, **told)
        self.wait_seconds = wait_seconds
        """How long it asked us to wait."""


class SourceRefused(ProviderError):
    """The source does not let us in, or does not understand what we ask."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with; a 2xx, or it would not be one."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            DataError: it is none.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError("the source answered with something that is no JSON") from error


class Http:
    """Requests to one host. The interface that sources are written against."""

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET a path (or a whole address on the same host, as paging links have them).

        Raises:
            SourceDown, SourceRefused: see the module.
        """
        raise NotImplementedError

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST JSON or a form. Only for questions: it is tried again like a GET.

        Raises:
            SourceDown, SourceRefused: see the module.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the connection."""


Connect = Callable[..., Http]
"""`connect(base_url, *, headers={}, auth=(user, password) | None, per_second=None) -> Http`."""

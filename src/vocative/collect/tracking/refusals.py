"""Why a request is not taken in, as clients need to be told.

Libraries read the status first: they send a request again after 429 and 5xx (not after 501, 505
and 511), and drop its events after any other 4xx. So what may come right is never a 4xx. Some of
them fail on an answer without `code` and `message`.
"""


class Refused(Exception):
    """The request is not taken in."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_seconds = retry_seconds
        """Libraries read whole seconds only, and wait for no more than 300."""


def malformed(message: str) -> Refused:
    """Nothing of the request can be read; sending it again will not help."""
    return Refused(400, "malformed", message)


def too_large(message: str) -> Refused:
    """The request is larger than it may be."""
    return Refused(413, "too_large", message)


def unknown_key() -> Refused:
    """No source has the write key."""
    return Refused(
        401, "unknown_write_key", "no source has this write key; `vocative source list` shows them"
    )


def not_now(message: str, *, retry_seconds: int = 2) -> Refused:
    """The server cannot take it in now."""
    return Refused(503, "not_now", message, retry_seconds=retry_seconds)


def too_fast(retry_seconds: int) -> Refused:
    """The source sends more than it may."""
    return Refused(
        429, "too_fast", "this source sends more events than it may", retry_seconds=retry_seconds
    )

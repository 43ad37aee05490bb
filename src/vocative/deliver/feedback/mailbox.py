"""The mailbox that bounces go to: mails are taken in one by one, and put aside after that.

An IMAP mailbox or a Maildir comes in. A mail is marked as read, or moved, only when what it says is
durable; so a crash reads it again, which changes nothing. A mail that says nothing of ours stays as
unread as it was for people: it may be an answer of somebody.
"""

import contextlib
import imaplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

from vocative.deliver.feedback.returned_mail import MAX_BYTES, read_returned
from vocative.deliver.feedback.settings import MailboxSettings, feedback_settings
from vocative.deliver.feedback.taking_in import TakenIn, take_in
from vocative.errors import AuthorError, ProviderError, Retryable
from vocative.workspace import Workspace

TIMEOUT_SECONDS = 30
SEEN = "VocativeSeen"
"""The IMAP keyword of mails that were looked at and left to people."""


class MailboxAway(ProviderError, Retryable):
    """The mailbox cannot be reached now; nothing is lost."""


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What one look into the mailbox brought."""

    mails: int
    left_to_people: int
    """Mails that say nothing of a message of ours."""
    noted: int
    doubled: int
    suppressed: int


class _Mailbox(Protocol):
    def unread(self, limit: int) -> Iterator[tuple[str, bytes]]:
        """(name, bytes) of mails that were not looked at."""

    def done(self, name: str) -> None:
        """Put a mail aside."""

    def leave(self, name: str) -> None:
        """Remember that it was looked at, and leave it to people."""


def collect_returned(workspace: Workspace, *, limit: int = 1_000) -> Collected:
    """Take in the mails that came back since the last time.

    Args:
        workspace: Whose mailbox: `feedback.mailbox` in vocative.yaml.
        limit: How many mails at most.

    Raises:
        AuthorError: no mailbox is named, or its settings are wrong.
        MailboxAway: it cannot be reached now.
        ProviderError: it refuses us.
    """
    settings = feedback_settings(workspace)
    if settings.mailbox is None:
        raise AuthorError(
            "no mailbox for bounces is named",
            where="vocative.yaml",
            hint="set feedback.mailbox, see docs/feedback.md",
        )
    mails = left = 0
    total = TakenIn()
    with _opened(settings.mailbox, workspace.root) as mailbox:
        for name, raw in mailbox.unread(limit):
            mails += 1
            done = take_in(workspace, read_returned(raw), source="mailbox", soft=settings.soft)
            if done.noted + done.doubled:
                mailbox.done(name)
            else:
                left += 1
                mailbox.leave(name)
            total = TakenIn(
                noted=total.noted + done.noted,
                doubled=total.doubled + done.doubled,
                suppressed=total.suppressed + done.suppressed,
            )
    return Collected(
        mails=mails,
        left_to_people=left,
        noted=total.noted,
        doubled=total.doubled,
        suppressed=total.suppressed,
    )


@contextlib.contextmanager
def _opened(settings: MailboxSettings, root: Path) -> Iterator[_Mailbox]:
    if settings.maildir is not None:
        yield _Maildir(root / settings.maildir)
        return
    try:
        imap = _connected(settings)
        try:
            yield _Imap(imap, settings)
        finally:
            _take_leave(imap)
    except ssl.SSLError as error:
        raise ProviderError(
            f"no safe connection to the mailbox at {settings.host}: {error.reason}",
            where=_PLACE,
            hint="check `security`; for a certificate of your own set feedback.mailbox.ca_file",
        ) from error
    except (OSError, imaplib.IMAP4.abort) as error:
        raise MailboxAway(
            f"the mailbox at {settings.host} cannot be reached ({type(error).__name__})",
            where=_PLACE,
            hint="nothing is lost, run it again; check feedback.mailbox.host and port",
        ) from error


_PLACE = "feedback.mailbox in vocative.yaml"


def _take_leave(imap: imaplib.IMAP4) -> None:
    with contextlib.suppress(imaplib.IMAP4.error, OSError):
        imap.logout()
    with contextlib.suppress(OSError):
        imap.shutdown()


def _connected(settings: MailboxSettings) -> imaplib.IMAP4:
    host = settings.host or ""
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.security == "tls":
        imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            host, settings.port or 993, ssl_context=context, timeout=TIMEOUT_SECONDS
        )
    else:
        imap = imaplib.IMAP4(host, settings.port or 143, timeout=TIMEOUT_SECONDS)
    try:
        if settings.security == "starttls":
            imap.starttls(context)
        imap.login(settings.username, settings.password)
    except (imaplib.IMAP4.abort, OSError):
        _take_leave(imap)
        raise
    except imaplib.IMAP4.error as error:
        _take_leave(imap)
        raise ProviderError(
            f"the mailbox at {host} refuses our log-in",
            where=_PLACE,
            hint="check feedback.mailbox.username and password",
        ) from error
    return imap


class _Imap:
    """A mailbox of an IMAP server (RFC 9051)."""

    def __init__(self, imap: imaplib.IMAP4, settings: MailboxSettings) -> None:
        self._imap = imap
        self._done = settings.done
        self._must(imap.select(f'"{settings.folder}"'), f"open the folder {settings.folder!r}")

    def unread(self, limit: int) -> Iterator[tuple[str, bytes]]:
        """Oldest first."""
        _, found = self._must(
            self._imap.uid("SEARCH", "UNSEEN", f"UNKEYWORD {SEEN}"), "search for mails"
        )
        for uid in (found[0] or b"").split()[:limit]:
            name = uid.decode("ascii")
            _, parts = self._must(
                self._imap.uid("FETCH", name, f"(BODY.PEEK[]<0.{MAX_BYTES}>)"), "fetch a mail"
            )
            raw = next((one[1] for one in parts if isinstance(one, tuple)), None)
            if raw is not None:
                yield name, raw

    def done(self, name: str) -> None:
        """Mark it as read, or move it."""
        self._must(self._imap.uid("STORE", name, "+FLAGS", r"(\Seen)"), "mark a mail")
        if self._done:
            self._must(self._imap.uid("COPY", name, f'"{self._done}"'), "copy a mail")
            self._must(self._imap.uid("STORE", name, "+FLAGS", r"(\Deleted)"), "mark a mail")
            self._imap.uid("EXPUNGE", name)

    def leave(self, name: str) -> None:
        """A keyword where the server keeps any; else it is looked at again, which does no harm."""
        with contextlib.suppress(imaplib.IMAP4.error):
            self._imap.uid("STORE", name, "+FLAGS", f"({SEEN})")

    @staticmethod
    def _must(answer: tuple[str, list[Any]], what: str) -> tuple[str, list[Any]]:
        if answer[0] != "OK":
            raise ProviderError(f"the mailbox does not let us {what}", where=_PLACE)
        return answer


class _Maildir:
    """A folder with `new` and `cur`, into which a mail server drops mails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not (folder / "new").is_dir():
            raise AuthorError(
                f"{folder.name} is no Maildir: it has no folder `new`",
                where=_PLACE,
                hint="let your mail server deliver to it, or make the folders new, cur, tmp",
            )
        (folder / "cur").mkdir(exist_ok=True)

    def unread(self, limit: int) -> Iterator[tuple[str, bytes]]:
        """Oldest names first."""
        for path in sorted((self._folder / "new").iterdir())[:limit]:
            with path.open("rb") as file:
                yield path.name, file.read(MAX_BYTES)

    def done(self, name: str) -> None:
        """To `cur`, as read."""
        (self._folder / "new" / name).rename(self._folder / "cur" / f"{name}:2,S")

    def leave(self, name: str) -> None:
        """To `cur`, as not read."""
        (self._folder / "new" / name).rename(self._folder / "cur" / f"{name}:2,")

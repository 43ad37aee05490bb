"""Messages for the web app: a campaign's ledger rows, and one mail as it was sent."""

import re
from datetime import datetime, timedelta
from email import policy
from email.parser import BytesParser
from typing import Any, cast

import msgspec
from starlette.responses import HTMLResponse, Response

from vocative.campaign import read_campaign
from vocative.campaign.rendering import Renderer
from vocative.clock import from_micros
from vocative.decide import HOLDOUT
from vocative.deliver.channels import channel_for
from vocative.deliver.opt_in import CAMPAIGN as CONFIRMATIONS
from vocative.deliver.opt_in import render_confirmation
from vocative.errors import AuthorError, StateError, UnknownName, VocativeError
from vocative.server.people import names_of
from vocative.stores import Row
from vocative.workspace import Workspace

PAGE = 50
MAX_PAGE = 500
_PREVIEW_HEADERS = {
    # A mail is somebody's text: it may show pictures and style itself, and nothing else.
    "Content-Security-Policy": "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *;"
    " font-src *; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the ledger."""

    message_id: str
    campaign: str
    person_id: str
    name: str | None
    email: str | None
    arm: str
    state: str
    reason: str | None
    planned_at: datetime
    handed_at: datetime | None
    attempts: int
    provider_reply: str | None


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages; `next` is the `after` of the next page."""

    total: int
    messages: list[MessageRow]
    next: str | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One mail and the decision behind it."""

    message: MessageRow
    exact: bool
    """True when this is the mail as it was handed over, False when it was rendered again."""
    subject: str
    preheader: str
    sender: str
    to: str
    html: str
    text: str
    branches: list[str]
    decision: dict[str, Any]


def list_messages(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str | None = None,
    state: str | None = None,
    arm: str | None = None,
    reason: str | None = None,
    limit: int = PAGE,
    after: str | None = None,
) -> Messages:
    """A campaign's messages.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Only this run.
        state: Only messages in this state.
        arm: Only this variant, or `holdout`.
        reason: Only messages skipped, deferred or failed for this reason.
        limit: How many on a page, at most 500.
        after: The `next` of the page before.
    """
    limit = max(1, min(limit, MAX_PAGE))
    wanted = {
        "campaign": campaign,
        "occurrence": occurrence,
        "state": state,
        "arm": arm,
        "reason": reason,
    }
    bound: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    condition = " AND ".join(f"{name} = :{name}" for name in bound)
    with workspace.store.read() as tx:
        total = int(tx.value(f"SELECT count(*) FROM messages WHERE {condition}", bound) or 0)
        rows = tx.rows(
            f"SELECT * FROM messages WHERE {condition} AND message_id > :after"
            " ORDER BY message_id LIMIT :limit",
            {**bound, "after": after or "", "limit": limit + 1},
        )
    page = rows[:limit]
    return Messages(
        total=total,
        messages=_described(workspace, page),
        next=page[-1]["message_id"] if len(rows) > limit else None,
    )


def show_message(workspace: Workspace, message_id: str) -> Message:
    """One mail as it was sent; rendered again where the channel keeps no copy.

    Args:
        workspace: Whose mail.
        message_id: The ledger's id.

    Raises:
        UnknownName: there is no such message.
        StateError: nothing was sent to this person.
    """
    row = _row(workspace, message_id)
    described = _described(workspace, [row])[0]
    decision = msgspec.json.decode(row["decision"], type=dict[str, Any])
    if row["arm"] == HOLDOUT:
        raise StateError("this person is in the holdout: nothing was sent")
    kept = _kept_copy(workspace, message_id)
    content = _from_copy(kept) if kept is not None else _rendered_again(workspace, row, decision)
    sender = workspace.settings.sender
    return Message(
        message=described,
        exact=kept is not None,
        subject=content["subject"],
        preheader=content["preheader"],
        sender=f"{sender.name} <{sender.email}>",
        to=content.get("to") or described.email or "",
        html=content["html"],
        text=content["text"],
        branches=[str(branch) for branch in decision.get("branches") or ()],
        decision=decision,
    )


def html_of_message(workspace: Workspace, message_id: str) -> Response:
    """The HTML of a mail as a page for a sandboxed frame; its pixel and links are not counted."""
    try:
        html = show_message(workspace, message_id).html
    except VocativeError as error:
        html = f"<p style='font-family:sans-serif;color:#777'>{error.message}</p>"
    # The app's own look at a mail must not count as somebody's opening it.
    html = re.sub(r'<img[^>]+src="[^"]*/o/[^"]*"[^>]*>', "", html)
    # Pictures of this server are shown from wherever it is being looked at.
    html = html.replace(f'src="{workspace.settings.base_url}/', 'src="/')
    # Nor does a click here count: the frame may not open windows, so links lead nowhere.
    html = html.replace("<head>", '<head><base target="_blank">', 1)
    return HTMLResponse(html, headers=_PREVIEW_HEADERS)


def view_in_browser(workspace: Workspace, message_id: str) -> str | None:
    """The HTML of a mail for its recipient; None when there is none to show any more.

    Raises:
        EngineError, StoreError: it cannot be shown now, and can be tried again.
    """
    try:
        if not _may_be_viewed(workspace, _row(workspace, message_id)):
            return None
        return show_message(workspace, message_id).html
    except (UnknownName, StateError, AuthorError):
        return None  # What it was made of is gone, or is wrong by now.


def _may_be_viewed(workspace: Workspace, row: Row) -> bool:
    """Whether a mail left, not too long ago, and the person is still there."""
    if row["handed_at"] is None:
        return False
    age = workspace.clock.now() - from_micros(row["handed_at"])
    if age > timedelta(days=workspace.settings.pages.view_days):
        return False
    with workspace.store.read() as tx:
        bound = {"person": row["person_id"]}
        return tx.row("SELECT 1 AS here FROM profiles WHERE person_id = :person", bound) is not None


def _row(workspace: Workspace, message_id: str) -> Row:
    with workspace.store.read() as tx:
        row = tx.row("SELECT * FROM messages WHERE message_id = :m", {"m": message_id})
    if row is None:
        raise UnknownName(f"there is no message {message_id[:40]!r}")
    return row


def _described(workspace: Workspace, rows: list[Row]) -> list[MessageRow]:
    names = names_of(workspace, [row["person_id"] for row in rows])
    return [
        MessageRow(
            message_id=row["message_id"],
            campaign=row["campaign"],
            person_id=row["person_id"],
            name=names[row["person_id"]][0],
            email=names[row["person_id"]][1],
            arm=row["arm"],
            state=row["state"],
            reason=row["reason"],
            planned_at=from_micros(row["planned_at"]),
            handed_at=from_micros(row["handed_at"]) if row["handed_at"] else None,
            attempts=row["attempts"],
            provider_reply=row["provider_reply"],
        )
        for row in rows
    ]


def _kept_copy(workspace: Workspace, message_id: str) -> bytes | None:
    """The mail as a folder channel has it."""
    if "outbox_folder" not in workspace.settings.channels:
        return None
    channel = cast("Any", channel_for(workspace, "outbox_folder"))
    found: bytes | None = channel.read(message_id)
    return found


def _from_copy(raw: bytes) -> dict[str, str]:
    message = BytesParser(policy=policy.default).parsebytes(raw)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    return {
        "to": str(message["To"] or ""),
        "subject": str(message["Subject"] or ""),
        "preheader": "",
        "html": str(html.get_content()) if html else "",
        "text": str(text.get_content()) if text else "",
    }


def _rendered_again(workspace: Workspace, row: Row, decision: dict[str, Any]) -> dict[str, str]:
    if row["campaign"] == CONFIRMATIONS:
        mail = render_confirmation(workspace, row["message_id"], decision)
        return {
            "to": mail.to,
            "subject": mail.subject,
            "preheader": "",
            "html": mail.html,
            "text": mail.text,
        }
    campaign = read_campaign(workspace, row["campaign"])
    renderer = Renderer(workspace, campaign, [row["person_id"]])
    rendered = renderer.render_again(row, decision)
    return {
        "subject": rendered.subject,
        "preheader": rendered.preheader,
        "html": rendered.html,
        "text": rendered.text,
    }

"""The mail that asks for confirmation: short, in the language of the form, without any tracking."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from vocative.collect.forms.definition import Form, read_forms
from vocative.deliver.ledger import Claim
from vocative.deliver.links import LinkSigner
from vocative.deliver.message import OutgoingMessage
from vocative.deliver.opt_in.planning import Decision
from vocative.deliver.opt_in.waiting import find_waiting
from vocative.pages.brand import DEFAULT_COLOR, DEFAULT_FONT, on_color
from vocative.pages.words import word
from vocative.workspace import Workspace

_HTML = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{subject}</title>
</head>
<body style="font: 16px/1.5 {font}; margin: 0; padding: 24px;">
<div style="max-width: 34em; margin: 0 auto;">
{logo}<p style="white-space: pre-line;">{text}</p>
<p style="margin: 28px 0;"><a href="{url}" style="background: {color}; color: {on_color};
 padding: 12px 28px; border-radius: 8px; font-weight: bold; text-decoration: none;
 display: inline-block;">{button}</a></p>
<p style="font-size: 13px; opacity: .75;">{sender}, {postal_address}</p>
</div>
</body>
</html>
"""


class ConfirmationMails:
    """Renders the mails of one round."""

    def __init__(self, workspace: Workspace, forms: dict[str, Form]) -> None:
        self._workspace = workspace
        self._forms = forms
        self._signer = LinkSigner(workspace.key.sign, workspace.settings.base_url)

    def compose(self, claims: list[Claim]) -> Sequence[OutgoingMessage]:
        """One mail for each claim."""
        return [
            self.render(claim.message_id, msgspec.convert(claim.decision, Decision))
            for claim in claims
        ]

    def addresses(self, claims: Sequence[Claim]) -> dict[str, dict[str, str]]:
        """Whom to ask, by message: the address in the form, whatever else its owner has.

        Nobody is asked whose submission the log does not have any more: its link would not work.

        Raises:
            LogError: the log cannot be read.
        """
        found = {}
        for claim in claims:
            address = self.address(msgspec.convert(claim.decision, Decision))
            found[claim.message_id] = {"email": address} if address else {}
        return found

    def address(self, decision: Decision) -> str:
        """Whom one mail asks; empty when the log does not have it any more."""
        waiting = find_waiting(self._workspace.log, decision.position, decision.submission)
        return "" if waiting is None else waiting.email

    def render(self, message_id: str, decision: Decision) -> OutgoingMessage:
        """The mail of one row of the ledger; nothing in it depends on the person."""
        settings = self._workspace.settings
        subject, text, button = self._texts(decision)
        url = self._signer.url("confirm", message_id)
        form = self._forms.get(decision.form)
        brand = form.brand if form else settings.brand
        color = brand.color or DEFAULT_COLOR
        logo = f'<img src="{escape(brand.logo)}" alt="" height="48">' if brand.logo else ""
        html = _HTML.format(
            language=decision.language,
            subject=escape(subject),
            font=escape(brand.font or DEFAULT_FONT),
            logo=logo,
            text=escape(text),
            url=escape(url),
            color=color,
            on_color=on_color(color),
            button=escape(button),
            sender=escape(settings.sender.name),
            postal_address=escape(settings.postal_address),
        )
        footer = settings.imprint
        return OutgoingMessage(
            message_id=message_id,
            subject=subject,
            html=html,
            text=f"{text}\n\n{button}: {url}\n\n-- \n{footer}\n",
            from_email=settings.sender.email,
            from_name=settings.sender.name,
            # So that no mailbox answers it by itself (RFC 3834).
            headers=(("Auto-Submitted", "auto-generated"),),
        )

    def _texts(self, decision: Decision) -> tuple[str, str, str]:
        """Subject, text and button: the form's own, or the ones that every form has."""
        language, sender = decision.language, self._workspace.settings.sender.name
        form = self._forms.get(decision.form)
        stated = form.body.confirmation if form else None
        subject = form.text(stated.subject, language) if form and stated else ""
        text = form.text(stated.text, language) if form and stated else ""
        button = form.text(stated.button, language) if form and stated else ""
        return (
            subject or word("confirm_subject", language),
            text or word("confirm_text", language, sender=sender),
            button or word("confirm_button", language),
        )


def render_confirmation(
    workspace: Workspace, message_id: str, decision: Mapping[str, Any]
) -> OutgoingMessage:
    """A mail as it would be sent now, to look at.

    Args:
        workspace: Whose.
        message_id: Of its row of the ledger.
        decision: The row's.
    """
    mails = ConfirmationMails(workspace, read_forms(workspace))
    stated = msgspec.convert(decision, Decision)
    rendered = mails.render(message_id, stated)
    return msgspec.structs.replace(rendered, to=mails.address(stated))

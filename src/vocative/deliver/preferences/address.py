"""Another address: asked of its owner by double opt-in, and nothing personal goes with it.

A link can be forwarded with its mail, so whoever holds it may be a stranger. That is why the new
address gets the consents and nothing else: it becomes a person of its own, about whom nothing is
known, and the old one gets no more of what was agreed to once the owner of the new one has
confirmed. Mails about the person's own orders stay where they are.
"""

from typing import Any

import msgspec

from vocative.collect.door import OWN_SOURCE, accept
from vocative.collect.forms.submission import (
    SUBMITTED,
    AskedConsent,
    Waiting,
    consent_properties,
)
from vocative.deliver.preferences.changing import SOURCE, Proof
from vocative.deliver.preferences.standing import EMAIL, Preferences
from vocative.deliver.preferences.wording import keep_text
from vocative.workspace import Workspace


def ask_new_address(
    workspace: Workspace, found: Preferences, email: str, proof: Proof, *, request: str
) -> bool:
    """Ask the owner of another address whether mails should go there.

    Args:
        workspace: Where.
        found: What the person is sent now.
        email: The address, in its normal form.
        proof: How it is known that the person asks for it.
        request: The id of this request; the same one asks once.

    Returns:
        Whether the person agreed to mails that could go there.

    Raises:
        LogError, StoreError: nobody is asked, and it can be tried again.
    """
    if not found.can_move:
        return False
    with workspace.store.transaction() as tx:
        wording = keep_text(workspace, tx, proof.language)
    waiting = Waiting(
        email=email,
        traits={},
        consents=[
            AskedConsent(purpose=one.purpose, channel=EMAIL, wording=wording)
            for one in found.can_move
        ],
        proof={
            "form": SOURCE,
            "version": wording,
            "submission": request,
            "language": proof.language,
            **({"network_hash": proof.network} if proof.network else {}),
        },
        moves_from=found.recipient.profile,
    )
    accept(workspace, _events(workspace, waiting), source=OWN_SOURCE)
    return True


def _events(workspace: Workspace, waiting: Waiting) -> list[dict[str, Any]]:
    """The request as a form would tell it: the address leads to its owner, and becomes nobody's."""
    request = waiting.proof["submission"]
    owner = {"traits": {"email": waiting.email}}
    common = {
        "type": "track",
        "timestamp": workspace.clock.now().isoformat(),
        "context": owner,
    }
    asked = {
        **common,
        "event": SUBMITTED,
        "messageId": f"form-{request}",
        "context": {**owner, "formWaiting": msgspec.to_builtins(waiting)},
        "properties": {
            "form": SOURCE,
            "version": waiting.proof["version"],
            "submission": request,
            "language": waiting.proof["language"],
            "waits": True,
            "answers": {},
        },
    }
    consents = [
        {
            **common,
            "event": "Consent Requested",
            "messageId": f"form-{request}-asked-{one.purpose}",
            "properties": consent_properties(one, waiting.proof),
        }
        for one in waiting.consents
    ]
    return [asked, *consents]

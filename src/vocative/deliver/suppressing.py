"""Suppressions as people look after them: who is left alone and why, added and taken back.

Addresses come in and are hashed at once; none goes out. Every change is in the audit.
"""

from datetime import datetime, timedelta

import msgspec

from vocative.errors import UnknownName
from vocative.privacy import audit, suppression
from vocative.privacy.suppression import Reason, Suppression
from vocative.workspace import Workspace

_MOST = 1_000
_MOST_DAYS = 36_500


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why an address is left alone."""

    address: str
    """The beginning of its keyed hash: enough to tell two apart, not to find anybody by."""
    channel: str
    reason: str
    source: str
    """What it came from: a message, or a person of the workspace."""
    added_at: datetime
    expires_at: datetime | None
    """When it ends by itself; None: never."""


class Suppressions(msgspec.Struct, frozen=True, kw_only=True):
    """Some of those that stand."""

    suppressions: list[Listed]
    total: int
    """How many stand, listed or not."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed."""

    reasons: list[str]
    """That were added, or taken back."""


def list_suppressions(
    workspace: Workspace,
    *,
    address: str | None = None,
    channel: str = "email",
    reason: Reason | None = None,
    limit: int = 100,
) -> Suppressions:
    """Who is left alone now, and why; newest first.

    Args:
        workspace: Whose.
        address: Only this address.
        channel: Of the address, if one is given.
        reason: Only for this reason.
        limit: How many at most, up to 1,000.
    """
    now = workspace.clock.now()
    with workspace.store.read() as tx:
        if address is None:
            most = max(1, min(limit, _MOST))
            found = suppression.latest(tx, at=now, reason=reason, limit=most)
            total = suppression.count(tx, at=now, reason=reason)
        else:
            hashed = suppression.address_hash(workspace.vault, channel, address)
            found = [
                one
                for one in suppression.find(tx, hashed, channel=channel)
                if (one.expires_at is None or one.expires_at > now) and reason in (None, one.reason)
            ]
            total = len(found)
    return Suppressions(suppressions=[_listed(one) for one in found], total=total)


def add_suppression(
    workspace: Workspace, address: str, *, channel: str = "email", days: int | None = None
) -> Changed:
    """Leave an address alone, whatever its owner consents to.

    Args:
        workspace: Whose.
        address: Which; only its keyed hash is kept.
        channel: By which channel.
        days: For so many days; for good unless told.
    """
    now = workspace.clock.now()
    ends = None if days is None else now + timedelta(days=max(1, min(days, _MOST_DAYS)))
    hashed = suppression.address_hash(workspace.vault, channel, address)
    with workspace.store.transaction() as tx:
        suppression.add(
            tx,
            Suppression(
                address_hash=hashed, channel=channel, reason="manual", source="by hand",
                added_at=now, expires_at=ends,
            ),
        )  # fmt: skip
        audit.append(tx, at=now, actor="operator", action="suppress", subject=hashed[:16])
    return Changed(reasons=["manual"])


def remove_suppression(
    workspace: Workspace, address: str, *, channel: str = "email", reason: Reason | None = None
) -> Changed:
    """Write to an address again: take back why it is left alone.

    Bounces, soft bounces and what was done by hand are taken back unless told. An unsubscribe or
    a complaint is its owner's own word and goes only when it is named.

    Args:
        workspace: Whose.
        address: Which.
        channel: By which channel.
        reason: Which one; all that are not the owner's own word unless told.

    Raises:
        UnknownName: the address is not left alone for such a reason.
    """
    now = workspace.clock.now()
    hashed = suppression.address_hash(workspace.vault, channel, address)
    technical: tuple[Reason, ...] = ("bounce", "soft_bounce", "manual")
    wanted = technical if reason is None else (reason,)
    with workspace.store.transaction() as tx:
        removed = [
            one for one in wanted if suppression.remove(tx, hashed, channel=channel, reason=one)
        ]
        standing = [one.reason for one in suppression.find(tx, hashed, channel=channel)]
        if removed:
            audit.append(tx, at=now, actor="operator", action="unsuppress", subject=hashed[:16])
    if not removed:
        raise UnknownName(
            "this address is not left alone for such a reason",
            hint=f"it is for: {', '.join(standing)}; name it with reason" if standing else None,
        )
    return Changed(reasons=list(removed))


def _listed(one: Suppression) -> Listed:
    return Listed(
        address=one.address_hash[:12], channel=one.channel, reason=one.reason, source=one.source,
        added_at=one.added_at, expires_at=one.expires_at,
    )  # fmt: skip

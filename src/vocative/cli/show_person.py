"""One person as somebody reads about them in a terminal."""

from itertools import groupby

from rich.markup import escape

from vocative.cli.show import _counted, _table, _value, console
from vocative.identify.separating import Share
from vocative.server.person import IdentityRow, Person
from vocative.server.separations import Separated


def show_person(person: Person) -> None:
    """Everything known about one person."""
    then = f"  as of {person.as_of:%Y-%m-%d %H:%M} UTC" if person.as_of else ""
    console.print(f"[bold]{escape(person.name or 'No name')}[/]  [dim]{person.person_id}[/]{then}")
    console.print(escape(", ".join(part for part in (person.email, person.phone) if part)))
    if person.email_meant:
        console.print(f"[dim]perhaps meant: {escape(person.email_meant)}[/]")
    table = _table("", "")
    traits = ", ".join(f"{name} {value}" for name, value in person.traits.items())
    table.add_row("traits", escape(traits))
    table.add_row("segments", escape(", ".join(s.name for s in person.segments)))
    for score in person.scores:
        table.add_row(score.model, escape(f"{score.value:.1%}: {'; '.join(score.reasons)}"))
    for consent in person.consents[:3]:
        table.add_row(
            f"consent {consent.purpose}",
            escape(
                f"{consent.status} {consent.at:%Y-%m-%d} by {consent.channel} ({consent.source})"
            ),
        )
    for message in person.messages[:5]:
        why = f" ({message.reason})" if message.reason else ""
        table.add_row(message.campaign, escape(f"{message.state}{why}"))
    for feature in person.features:
        if feature.value is not None:
            table.add_row(f"[dim]{feature.name}[/]", escape(_value(feature.value)))
    for name, found in groupby(person.identities, key=lambda one: one.namespace):
        table.add_row(name.replace("_", " "), escape(_identities(list(found))))
    for merge in person.merges:
        why = "somebody decided it" if merge.decided else "an identity in common"
        table.add_row("merged", f"{merge.gone} into {merge.kept} {merge.at:%Y-%m-%d}: {why}")
    console.print(table)


def show_separated(done: Separated) -> None:
    """Who was one person, and what each has alone."""
    console.print("They would be:" if done.dry_run else "They are two again:")
    for share in done.people:
        console.print(f"[bold]{share.person_id}[/]  {escape(_share(share))}")


def _share(share: Share) -> str:
    identities = [_counted(n, name.replace("_", " ")) for name, n in share.identities.items()]
    parts = [
        _counted(share.events, "event"),
        *identities,
        _counted(share.consents, "consent"),
        "traits " + ", ".join(share.traits) if share.traits else "no traits",
        "personal fields " + ", ".join(share.fields) if share.fields else "no personal fields",
    ]
    if len(share.profiles) > 1:
        parts.append("profiles " + ", ".join(share.profiles))
    return "; ".join(parts)


def _identities(found: list[IdentityRow]) -> str:
    shown = [f"{one.value or '(hash)'} since {one.since:%Y-%m-%d}" for one in found[:5]]
    more = len(found) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")

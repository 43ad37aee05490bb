"""From a claimed ledger row to a rendered message: facts, decision and template come together."""

from collections.abc import Mapping, Sequence
from typing import Any

from vocative.campaign.definitions import Campaign
from vocative.compose import MessageSkipped, Rendered, Template, load_template
from vocative.compose.amounts import zone_or
from vocative.decide import Offer, sellable_items
from vocative.deliver.ledger import Claim
from vocative.deliver.links import LinkSigner, track
from vocative.deliver.message import OutgoingMessage, Skip
from vocative.errors import StateError
from vocative.segment import field_catalog, people_table
from vocative.workspace import Settings, Workspace


class Facts:
    """What is known of an audience, kept as columns: rows become dicts when they are needed."""

    def __init__(self, workspace: Workspace, person_ids: Sequence[str] | None) -> None:
        self._table = people_table(workspace, person_ids)
        ids = self._table.column("person_id").to_pylist()
        self._row = {person_id: index for index, person_id in enumerate(ids)}
        fields = field_catalog(workspace)
        self._nothing = dict.fromkeys(fields)
        self._personal = [name for name, field in fields.items() if field.personal]

    def of(
        self, person_ids: Sequence[str], personal: Mapping[str, Mapping[str, str]]
    ) -> dict[str, dict[str, Any]]:
        """Everything a template may name of each person; what is not known is None."""
        known = [person_id for person_id in person_ids if person_id in self._row]
        rows = self._table.take([self._row[person_id] for person_id in known]).to_pylist()
        found = {person_id: dict(self._nothing) for person_id in person_ids}
        for person_id, row in zip(known, rows, strict=True):
            found[person_id].update(row)
        for person_id, fields in personal.items():
            found[person_id].update(
                {name: fields[name] for name in self._personal if name in fields}
            )
        return found


class Renderer:
    """Renders the messages of one campaign run."""

    def __init__(
        self, workspace: Workspace, campaign: Campaign, person_ids: Sequence[str] | None
    ) -> None:
        self._workspace = workspace
        self._campaign = campaign
        self._settings = workspace.settings
        self._signer = LinkSigner(workspace.key.sign, self._settings.base_url)
        self._facts = Facts(workspace, person_ids)
        self._items = sellable_items(workspace)
        self._offers = {offer.name: _offer_data(offer) for offer in campaign.body.offers}
        self._templates = {name: self._template(name) for name in campaign.variants}

    def compose(self, claims: list[Claim]) -> list[OutgoingMessage | Skip]:
        """One message, or the reason for none, per claim."""
        facts = self._facts.of(
            [claim.person_id for claim in claims],
            {claim.person_id: claim.personal for claim in claims},
        )
        return [self._message(claim, facts[claim.person_id]) for claim in claims]

    def _message(self, claim: Claim, person: dict[str, Any]) -> OutgoingMessage | Skip:
        template = self._templates.get(claim.arm)
        if template is None:
            return Skip(message_id=claim.message_id, reason="variant_removed")
        try:
            rendered = self.render(template, claim.message_id, claim.arm, claim.decision, person)
        except MessageSkipped:
            return Skip(message_id=claim.message_id, reason="skipped_by_template")
        html, text = track(
            rendered.html, rendered.text, signer=self._signer, message_id=claim.message_id
        )
        return OutgoingMessage(
            message_id=claim.message_id,
            subject=rendered.subject,
            html=html,
            text=text,
            from_email=self._settings.sender.email,
            from_name=rendered.from_name or self._settings.sender.name,
            unsubscribe_url=self._signer.url("unsubscribe", claim.message_id),
            decision={
                **claim.decision,
                "branches": list(rendered.branches),
                "template": template.name,
                "version": rendered.version,
                "language": rendered.language,
            },
        )

    def render(
        self,
        template: Template,
        message_id: str,
        arm: str,
        decision: Mapping[str, Any],
        person: dict[str, Any],
    ) -> Rendered:
        """The content of one message, its links not yet led through tracking."""
        offer = decision.get("offer")
        unsubscribe_url = self._signer.url("unsubscribe", message_id)
        return template.render(
            {
                "person": person,
                "products": self._products(decision.get("products") or ()),
                "offer": self._offers.get(str(offer)) if offer else None,
                "campaign": {"name": self._campaign.name},
                "variant": arm,
                "unsubscribe_url": unsubscribe_url,
                "preferences_url": unsubscribe_url,
                "view_url": self._signer.url("view", message_id),
                "postal_address": self._settings.postal_address,
                "sender_name": self._settings.sender.name,
                "time_zone": zone_or(person.get("timezone"), self._settings.timezone),
                "currency": self._settings.currency,
            }
        )

    def render_again(self, row: Mapping[str, Any], decision: Mapping[str, Any]) -> Rendered:
        """A message of the ledger with what is known now.

        Raises:
            StateError: its variant is no longer in the campaign.
        """
        template = self._templates.get(row["arm"])
        if template is None:
            raise StateError(f"the variant {row['arm']!r} is no longer in the campaign")
        person_id = row["person_id"]
        with self._workspace.store.read() as tx:
            personal = self._workspace.vault.get(tx, person_id)
        person = self._facts.of([person_id], {person_id: personal})[person_id]
        return self.render(template, row["message_id"], row["arm"], decision, person)

    def _products(self, chosen: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        shown = []
        for item_id, reason in chosen:
            item = self._items.get(item_id)
            # Sold out since it was chosen: better fewer items than a disappointment.
            if item is not None:
                shown.append(product_data(item, reason, self._settings))
        return shown

    def _template(self, variant: str) -> Template:
        stated = self._campaign.variants[variant]
        template = load_template(self._workspace, stated.template or self._campaign.body.template)
        if stated.subject is None:
            return template
        place = self._campaign.definition.where("variants", variant, "subject")
        return template.with_subject(stated.subject, where=place)


def product_data(item: Mapping[str, Any], reason: str, settings: Settings) -> dict[str, Any]:
    """An item as templates see it."""
    return {
        "id": item["item_id"],
        "title": str(item["title"]).strip(),
        "price": item["price"],
        "currency": item["currency"] or settings.currency,
        "url": item["url"] or settings.base_url,
        "image_url": item["image_url"],
        "category": item["category"],
        "reason": reason or None,
    }


def _offer_data(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.name,
        "title": offer.title,
        "code": offer.code,
        "text": offer.text,
        "url": offer.url,
    }

"""From a claimed ledger row to a rendered message: facts, decision and template come together."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import pyarrow as pa

from vocative.campaign.asked import Asked, Shelf
from vocative.campaign.definitions import Campaign
from vocative.compose import MessageSkipped, Rendered, Template, load_template
from vocative.compose.kept import load_version
from vocative.compose.language.amounts import zone_or
from vocative.compose.language.lookups import LOOKUPS
from vocative.decide import Offer
from vocative.deliver.ledger import Claim
from vocative.deliver.links import LinkSigner, track
from vocative.deliver.message import OutgoingMessage, Skip
from vocative.errors import StateError, UnknownName
from vocative.segment import field_catalog, people_table
from vocative.workspace import Workspace

# From then on, compiling a template takes less time than it saves.
_FEW_MESSAGES = 20
_KNOWN_PRODUCTS = 10_000


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
        places = pa.array([self._row[person_id] for person_id in known], pa.int64())
        rows = self._table.take(places).to_pylist()
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
        self,
        workspace: Workspace,
        campaign: Campaign,
        person_ids: Sequence[str] | None,
        *,
        load: Callable[[Workspace, str], Template] = load_template,
    ) -> None:
        """Prepare a campaign's templates and what is known of its people.

        Args:
            workspace: Whose campaign.
            campaign: The campaign.
            person_ids: Whose messages will be rendered; None: anybody's.
            load: Where templates come from.
        """
        self._workspace = workspace
        self._campaign = campaign
        self._settings = workspace.settings
        self._signer = LinkSigner(workspace.key.sign, self._settings.base_url)
        self._facts = Facts(workspace, person_ids)
        self._shelf = Shelf(workspace)
        self._constants = {
            "campaign": {"name": campaign.name},
            "postal_address": self._settings.postal_address,
            "sender_name": self._settings.sender.name,
            "currency": self._settings.currency,
        }
        self._offers = {offer.name: _offer_data(offer) for offer in campaign.body.offers}
        self._load = load
        self._templates = {name: self._template(name) for name in campaign.variants}
        self._composed: Counter[str] = Counter()
        self._ready: dict[str, Template] = {}
        # The same item is the same object in every message, as `for_many` is told below.
        self._product = lru_cache(maxsize=_KNOWN_PRODUCTS)(self._shelf.product)

    @property
    def templates(self) -> list[Template]:
        """The templates of the variants, with the subjects that these have."""
        return list(self._templates.values())

    def compose(self, claims: list[Claim]) -> list[OutgoingMessage | Skip]:
        """One message, or the reason for none, per claim."""
        facts = self.facts(claims)
        return [self.message(claim, facts[claim.person_id]) for claim in claims]

    def facts(self, claims: Sequence[Claim]) -> dict[str, dict[str, Any]]:
        """What templates may know of the people of some claims, by person id."""
        return self._facts.of(
            [claim.person_id for claim in claims],
            {claim.person_id: claim.personal for claim in claims},
        )

    def message(self, claim: Claim, person: dict[str, Any]) -> OutgoingMessage | Skip:
        """One message, or the reason for none.

        Raises:
            AuthorError: the template cannot be rendered with this person's data.
        """
        template = self._template_for_many(claim.arm)
        if template is None:
            return Skip(message_id=claim.message_id, reason="variant_removed")
        asked = Asked(self._shelf, claim.person_id, claim.decision.get("recommended") or {})
        try:
            rendered = self.render(
                template, claim.message_id, claim.arm, claim.decision, person, asked
            )
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
                **({"recommended": asked.noted} if asked.noted else {}),
            },
        )

    def render(
        self,
        template: Template,
        message_id: str,
        arm: str,
        decision: Mapping[str, Any],
        person: dict[str, Any],
        asked: Asked,
    ) -> Rendered:
        """The content of one message, its links not yet led through tracking."""
        unsubscribe_url = self._signer.url("unsubscribe", message_id)
        return template.render(
            {
                "person": person,
                "products": self._products(decision.get("products") or ()),
                "offer": self._offer(decision),
                **self._constants,
                "variant": arm,
                "unsubscribe_url": unsubscribe_url,
                "preferences_url": self._signer.url("preferences", message_id),
                "view_url": self._signer.url("view", message_id),
                "time_zone": zone_or(person.get("timezone"), self._settings.timezone),
                LOOKUPS: asked,
            }
        )

    def render_again(self, row: Mapping[str, Any], decision: Mapping[str, Any]) -> Rendered:
        """A message of the ledger with what is known now, from the template as it was then.

        Raises:
            StateError: its variant is no longer in the campaign.
        """
        template = self._template_of(str(row["arm"]), decision)
        person_id = row["person_id"]
        with self._workspace.store.read() as tx:
            personal = self._workspace.vault.get(tx, person_id)
        person = self._facts.of([person_id], {person_id: personal})[person_id]
        asked = Asked(self._shelf, person_id, decision.get("recommended") or {})
        return self.render(template, row["message_id"], row["arm"], decision, person, asked)

    def _template_of(self, arm: str, decision: Mapping[str, Any]) -> Template:
        """The template of an arm in the version that a message was made from."""
        template = self._templates.get(arm)
        if template is None:
            raise StateError(f"the variant {arm!r} is no longer in the campaign")
        version, name = decision.get("version"), decision.get("template")
        if version is None or version == template.version:
            return template
        with suppress(UnknownName):
            return self._template(arm, load_version(self._workspace, str(name), str(version)))
        return template

    def _offer(self, decision: Mapping[str, Any]) -> dict[str, Any] | None:
        """The offer of a message, with the code that is this message's alone, if it has one."""
        offer = self._offers.get(str(decision.get("offer")))
        if offer is None or "code" not in decision:
            return offer
        return {**offer, "code": decision["code"]}

    def _products(self, chosen: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        # Sold out since it was chosen: better fewer items than a disappointment.
        shown = (self._product(item_id, reason) for item_id, reason in chosen)
        return [product for product in shown if product is not None]

    def _template_for_many(self, variant: str) -> Template | None:
        """The template of a variant, compiled once it was used for some messages."""
        template = self._templates.get(variant)
        if template is None or variant in self._ready:
            return self._ready.get(variant)
        self._composed[variant] += 1
        if self._composed[variant] > _FEW_MESSAGES:
            template = template.for_many(self._constants, frozen=("products",))
            self._ready[variant] = template
        return template

    def _template(self, variant: str, template: Template | None = None) -> Template:
        stated = self._campaign.variants[variant]
        if template is None:
            template = self._load(self._workspace, stated.template or self._campaign.body.template)
        if stated.subject is None:
            return template
        place = self._campaign.definition.where("variants", variant, "subject")
        return template.with_subject(stated.subject, where=place)


def _offer_data(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.name,
        "title": offer.title,
        "code": offer.code,
        "text": offer.text,
        "url": offer.url,
    }

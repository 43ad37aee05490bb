"""What the definition of a Salesforce source may say."""

import re
from collections.abc import Iterator

import msgspec

from vocative.collect.sources._http import Secret
from vocative.collect.sources.base import Fault

CONTACT_TRAITS = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "phone": "Phone",
    "company": "Account.Name",
    "country": "MailingCountry",
}
LEAD_TRAITS = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "phone": "Phone",
    "company": "Company",
    "country": "Country",
    "lead_status": "Status",
}
_FIELD = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*){0,4}")


class SalesforceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of kind `salesforce` says. Fields are names as SOQL knows them."""

    client_id: str
    """The consumer key of the connected app."""
    username: str | None = None
    """With `private_key`: as whom to sign in."""
    private_key: Secret | None = None
    """PEM of the key whose certificate the connected app has."""
    refresh_token: Secret | None = None
    """Instead of `private_key`."""
    client_secret: Secret | None = None
    """With `refresh_token`, where the connected app asks for it."""
    login_url: str = "https://login.salesforce.com"
    """`https://test.salesforce.com` for a sandbox."""
    api_version: str = "62.0"
    """Of Salesforce's REST API."""
    most_of_limit: float = 0.8
    """Share of the org's requests of a day after which this source waits, in (0, 1]."""
    user_id: str | None = None
    """The field of a contact with the account's id in the shop."""
    contact_traits: dict[str, str] = {}
    """More traits of contacts: the trait's name and the field, also of the account."""
    lead_traits: dict[str, str] = {}
    """More traits of leads, in the same way."""
    opted_in: str | None = None
    """A checkbox of contacts and leads that says that they agreed to e-mail."""
    opted_in_at: str | None = None
    """The field with the time at which they did; `opted_in` counts only with it."""
    purpose: str = "marketing"
    """What the consent is for."""
    leads: bool = True
    """Whether leads are pulled."""
    opportunities: bool = False
    """Whether opportunities are pulled."""
    orders: bool = False
    """Whether orders are pulled. Only where no other source brings the same ones: they would count
    twice."""
    order_id: str = "OrderNumber"
    """The field of an order with its id in the shop."""
    order_contact: str = "BillToContactId"
    """The field of an order with the id of the contact who bought."""
    product_id: str = "Product2.ProductCode"
    """The field of an order's line with the product's id in the shop."""
    currency: str | None = None
    """Of amounts. Without it they are asked for their `CurrencyIsoCode`, which orgs with one
    currency do not have."""


def faults(options: SalesforceOptions) -> Iterator[Fault]:
    """What no single field can tell."""
    if not re.fullmatch(r"\d{2,3}\.0", options.api_version):
        yield ("api_version",), "this is no version of Salesforce's API", "write it like 62.0"
    if not 0 < options.most_of_limit <= 1:
        yield ("most_of_limit",), "this is no share", "write a number above 0 and up to 1"
    if options.private_key is None and options.refresh_token is None:
        hint = "give username and private_key, or a refresh_token"
        yield (), "there is no way to sign in", hint
    elif options.private_key is not None and options.refresh_token is not None:
        yield ("refresh_token", "@key"), "private_key signs in already", "leave out one of them"
    elif options.private_key is not None and options.username is None:
        yield ("private_key", "@key"), "private_key needs username", "say as whom to sign in"
    if (options.opted_in is None) != (options.opted_in_at is None):
        stated = "opted_in_at" if options.opted_in is None else "opted_in"
        hint = "a consent without a time could be older than a withdrawal"
        yield (stated, "@key"), "opted_in and opted_in_at are needed together", hint
    for path, field in _fields(options):
        if not _FIELD.fullmatch(field):
            yield path, "this is no name of a field", "write it as SOQL does: Account.Name"


def _fields(options: SalesforceOptions) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where every field stands that the definition names, and its name."""
    for name in ("user_id", "opted_in", "opted_in_at", "order_id", "order_contact", "product_id"):
        if (field := getattr(options, name)) is not None:
            yield (name,), field
    for name in ("contact_traits", "lead_traits"):
        for trait, field in getattr(options, name).items():
            yield (name, trait), field

"""What the definition of a Salesforce source may say."""

import re
from collections.abc import Iterator

import msgspec

from vocative.collect.sources._http import Secret

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
    """`https://test.salesforce.com` for a sandbox, or the org's own address."""
    api_version: str = "62.0"
    most_of_limit: float = 0.8
    """Share of the org's requests of a day after which this source waits, in (0, 1]."""
    user_id: str | None = None
    """The field of a contact with the account's id in the shop."""
    contact_traits: dict[str, str] = {}
    """More traits of contacts: the trait's name and the field, also of the account."""
    lead_traits: dict[str, str] = {}
    opted_in: str | None = None
    """A checkbox of contacts and leads that says that they agreed to e-mail."""
    opted_in_at: str | None = None
    """The field with the time at which they did; `opted_in` counts only with it."""
    purpose: str = "marketing"
    """What the consent is for."""
    leads: bool = True
    opportunities: bool = False
    orders: bool = False
    """Only where no other source brings the same orders: they would count twice."""
    order_id: str = "OrderNumber"
    order_contact: str = "BillToContactId"
    """The field of an order with the id of the contact who bought."""
    product_id: str = "Product2.ProductCode"
    """The field of an order's line with the product's id in the shop."""
    currency: str | None = None
    """Of amounts. Without it they are asked for their `CurrencyIsoCode`, which orgs with one
    currency do not have."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{2,3}\.0", self.api_version):
            raise ValueError("api_version is written like 62.0")
        if not 0 < self.most_of_limit <= 1:
            raise ValueError("most_of_limit is a share above 0 and up to 1")
        if (self.private_key is None) == (self.refresh_token is None):
            raise ValueError("signing in needs either private_key or refresh_token")
        if self.private_key is not None and self.username is None:
            raise ValueError("private_key needs username: as whom to sign in")
        if (self.opted_in is None) != (self.opted_in_at is None):
            raise ValueError("opted_in and opted_in_at are needed together")
        for field in self._fields():
            if not _FIELD.fullmatch(field):
                raise ValueError(f"{field[:80]!r} is no name of a field")

    def _fields(self) -> Iterator[str]:
        """Every field that the definition names."""
        stated = (self.user_id, self.opted_in, self.opted_in_at)
        yield from (field for field in stated if field is not None)
        yield from (self.order_id, self.order_contact, self.product_id)
        yield from self.contact_traits.values()
        yield from self.lead_traits.values()

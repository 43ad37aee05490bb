"""Functions of AMPscript: what each gives, how many values it takes, and which are not carried."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "truth", "date", "rows", "anything"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that the filter `ampscript` knows."""

    name: str
    least: int
    most: int
    gives: Kind


def _table(*functions: Function) -> dict[str, Function]:
    return {function.name.lower(): function for function in functions}


FUNCTIONS = _table(
    Function("Add", 2, 2, "number"),
    Function("Base64Decode", 1, 2, "text"),
    Function("Base64Encode", 1, 2, "text"),
    Function("BuildRowsetFromString", 2, 2, "rows"),
    Function("Char", 1, 2, "text"),
    Function("Concat", 1, 100, "text"),
    Function("DateAdd", 3, 3, "date"),
    Function("DateDiff", 3, 3, "number"),
    Function("DateParse", 1, 2, "date"),
    Function("DatePart", 2, 2, "text"),
    Function("Divide", 2, 2, "number"),
    Function("Domain", 1, 1, "text"),
    Function("Empty", 1, 1, "truth"),
    Function("Field", 2, 3, "anything"),
    Function("Format", 2, 4, "text"),
    Function("FormatCurrency", 1, 4, "text"),
    Function("FormatDate", 1, 4, "text"),
    Function("FormatNumber", 2, 3, "text"),
    Function("IndexOf", 2, 2, "number"),
    Function("IsEmailAddress", 1, 1, "truth"),
    Function("IsPhoneNumber", 1, 1, "truth"),
    Function("Length", 1, 1, "number"),
    Function("Lowercase", 1, 1, "text"),
    Function("MD5", 1, 2, "text"),
    Function("Mod", 2, 2, "number"),
    Function("Multiply", 2, 2, "number"),
    Function("ProperCase", 1, 1, "text"),
    Function("RegExMatch", 3, 8, "text"),
    Function("Replace", 3, 3, "text"),
    Function("ReplaceList", 3, 100, "text"),
    Function("Row", 2, 2, "anything"),
    Function("RowCount", 1, 1, "number"),
    Function("SHA1", 1, 2, "text"),
    Function("SHA256", 1, 2, "text"),
    Function("SHA512", 1, 2, "text"),
    Function("StringToDate", 1, 1, "date"),
    Function("StringToHex", 1, 1, "text"),
    Function("Substring", 2, 3, "text"),
    Function("Subtract", 2, 2, "number"),
    Function("Trim", 1, 1, "text"),
    Function("Uppercase", 1, 1, "text"),
    Function("URLEncode", 1, 3, "text"),
)

AS_CONTENT = frozenset(("treatascontent", "treatascontentarea"))
"""Functions that run a text as AMPscript."""
LOOKUPS = {
    "lookup": "Lookup",
    "lookuporderedrows": "LookupOrderedRows",
    "lookuprows": "LookupRows",
}
"""Functions that read a data extension."""
NOW = frozenset(("getsendtime", "localdatetosystemdate", "now", "systemdatetolocaldate"))
"""Functions that depend on where Salesforce's servers are."""
NAMES = {
    "emailaddr": "person.email",
    "unsub_center_url": "unsubscribe_url",
    "subscription_center_url": "preferences_url",
    "profile_center_url": "preferences_url",
    "view_email_url": "view_url",
    "member_busname": "sender_name",
    "member_addr": "postal_address",
    "emailname_": "campaign.name",
}
"""Personalization strings of a message's own, and ours."""
ADDRESS_PARTS = frozenset(("member_city", "member_state", "member_postalcode", "member_country"))
"""Parts of the sender's address; all of it stands in `postal_address`."""

REFUSED = {
    **dict.fromkeys(
        ("random", "guid"),
        (
            "what it gives differs each time, and a message must come out the same again",
            "let a campaign's variants decide by chance",
        ),
    ),
    **dict.fromkeys(
        (
            "insertde",
            "upsertde",
            "updatede",
            "deletede",
            "insertdata",
            "upsertdata",
            "updatedata",
            "deletedata",
            "claimrow",
            "claimrowvalue",
        ),
        ("a template does not write data", "record an event, or use offer codes"),
    ),
    **dict.fromkeys(
        (
            "httpget",
            "httppost",
            "httppost2",
            "httprequestheader",
            "addobjectarrayitem",
            "createobject",
            "invokecreate",
            "invokeretrieve",
            "invokeupdate",
            "invokedelete",
            "invokeexecute",
            "invokeperform",
            "retrievesalesforceobjects",
            "createsalesforceobject",
            "updatesinglesalesforceobject",
        ),
        ("a template asks no other system", "bring the data in as a source and name its traits"),
    ),
    **dict.fromkeys(
        ("requestparameter", "queryparameter", "microsite", "micrositeurl", "cookie"),
        ("there is no web page behind a mail", "use a trait of the person"),
    ),
    **dict.fromkeys(
        ("encryptsymmetric", "decryptsymmetric", "generateencryptedurl", "getjwt"),
        ("a template holds no keys", "let the system behind the link issue its token"),
    ),
}
"""Functions that are not carried: why, and what to do instead."""

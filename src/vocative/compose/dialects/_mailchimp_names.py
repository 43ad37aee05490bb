"""What the merge tags of Mailchimp stand for here, and which have no counterpart."""

USUAL = {
    "EMAIL": "person.email",
    "FNAME": "person.first_name",
    "LNAME": "person.last_name",
    "PHONE": "person.phone",
    "BIRTHDAY": "person.birthday",
    "COMPANY": "person.company",
    "ADDRESS": "person.address",
    "MC_LANGUAGE": "person.language",
    "MC_LANGUAGE_LABEL": "person.language",
    "UNIQID": "person.user_id",
}
"""Merge tags that every audience has, and what they usually are here."""
PRINTS = {
    "UNSUB": "unsubscribe_url",
    "ARCHIVE": "view_url",
    "ARCHIVE_PAGE": "view_url",
    "ARCHIVE_LINK_SHORT": "view_url",
    "UPDATE_PROFILE": 'preferences_url | default: ""',
    "COUPON": 'offer.code | default: ""',
    "MC_PREVIEW_TEXT": 'preheader | default: ""',
    "PROMO_CODE": 'offer.code | default: ""',
    "CAMPAIGN_NAME": "campaign.name",
    "CAMPAIGN:NAME": "campaign.name",
    "LIST:NAME": "sender_name",
    "LIST_NAME": "sender_name",
    "LIST:COMPANY": "sender_name",
    "LIST_COMPANY": "sender_name",
    "LIST:ADDRESS": "postal_address",
    "LIST_ADDRESS": "postal_address",
    "LIST:ADDRESSLINE": "postal_address",
    "LIST_ADDRESSLINE": "postal_address",
    "HTML:LIST_ADDRESS_HTML": "postal_address",
    "LIST:ADDRESS_HTML": "postal_address",
    "CURRENT_YEAR": '"now" | date: "%Y"',
}
"""Tags that print something which every message has."""
NEARLY = {
    "ARCHIVE_LINK_SHORT": "the address of the page is not shortened",
    "HTML:LIST_ADDRESS_HTML": "the address is printed on one line, without a vcard",
    "LIST:ADDRESS_HTML": "the address is printed on one line, without a vcard",
    "LIST:COMPANY": "the sender's name stands for the company",
    "LIST_COMPANY": "the sender's name stands for the company",
    "LIST:NAME": "the sender's name stands for the audience",
    "LIST_NAME": "the sender's name stands for the audience",
    "MC_LANGUAGE_LABEL": "the code of the language is printed, not its name",
    "COUPON": "the code is that of the offer which the campaign chose",
    "PROMO_CODE": "the code is that of the offer which the campaign chose",
}
"""How some of these, and some fields, differ."""
ALWAYS = frozenset(
    ("ARCHIVE", "CAMPAIGN_NAME", "EMAIL", "LIST:ADDRESS", "LIST:COMPANY", "LIST:NAME", "UNSUB")
)
"""What is there for everybody, so that a condition on it always holds."""
WRITE_IT = "write the text itself here"
REFUSED: dict[str, tuple[str, str]] = {
    "REWARDS": ("there is no badge of another system", "remove it"),
    "REWARDS_TEXT": ("there is no badge of another system", "remove it"),
    "MONKEYREWARDS": ("there is no badge of another system", "remove it"),
    "HTML:REWARDS": ("there is no badge of another system", "remove it"),
    "FORWARD": ("there is no page to forward a mail", "remove the link, or link to view_url"),
    "FORWARD_LINK": ("there is no page to forward a mail", "remove the link"),
    "LIST:DESCRIPTION": ("an audience has no description here", WRITE_IT),
    "LIST_DESCRIPTION": ("an audience has no description here", WRITE_IT),
    "LIST:SUBSCRIBE": ("there is no page of an audience", "link to a form of yours"),
    "LIST_SUBSCRIBE": ("there is no page of an audience", "link to a form of yours"),
    "LIST:SUBSCRIBERS": ("an audience is not counted in a mail", WRITE_IT),
    "ABUSE_EMAIL": ("there is no such address", WRITE_IT),
    "LIST:PHONE": ("the sender's phone number is not known", WRITE_IT),
    "LIST:EMAIL": ("the sender's address is not data of a template", WRITE_IT),
    "LIST:URL": ("the sender's site is not data of a template", WRITE_IT),
    "LIST:RECENT": ("earlier campaigns are not listed", "remove it"),
    "RSSITEMS": ("feeds are not read", "import the items into the catalog and loop over products"),
    "RSSFEED": ("feeds are not read", "import the items into the catalog and loop over products"),
    "RSSITEM": ("feeds are not read", "import the items into the catalog and loop over products"),
    "FEEDBLOCK": ("feeds are not read", "import the items into the catalog"),
    "FEEDITEM": ("feeds are not read", "import the items into the catalog"),
    "FEEDITEMS": ("feeds are not read", "import the items into the catalog"),
    "FEED": ("feeds are not read", "import the items into the catalog"),
    "END:RSSITEMS": ("feeds are not read", "remove it with its beginning"),
    "END:FEEDBLOCK": ("feeds are not read", "remove it with its beginning"),
    "END:FEEDITEMS": ("feeds are not read", "remove it with its beginning"),
    "SHARE": ("there are no buttons to share", "link to the network yourself"),
    "LIKE": ("there are no buttons to share", "link to the network yourself"),
    "TWITTER": ("accounts of networks are not known", "write the address of the account"),
    "FACEBOOK": ("accounts of networks are not known", "write the address of the account"),
    "POLL": ("there are no polls", "link to a form of yours"),
    "SURVEY": ("there are no surveys", "link to a form of yours"),
    "YOUTUBE": ("videos are not embedded", "link a picture to the video"),
    "VIMEO": ("videos are not embedded", "link a picture to the video"),
    "PRODUCT_RECOMMENDATION": ("products are chosen by the campaign", "loop over products"),
    "TRANSLATE": ("a mail is not translated", "write the template in each language"),
    "TOC": ("there is no table of contents", "write it out"),
    "MC:TOC": ("there is no table of contents", "write it out"),
}
"""Tags that have no counterpart: why, and what to do."""

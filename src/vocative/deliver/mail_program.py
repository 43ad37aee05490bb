"""Which kind of mail program loaded a picture, by the user agent it states.

A user agent comes in, one of a short list of kinds goes out: too few to tell a person by. Programs
that read mail in a browser, or behind a relay, look like the browser or the relay.
"""

import re

OTHER = "other"
# The first that fits counts. Proxies of Gmail and Yahoo pretend to be browsers in the same breath.
_KINDS = (
    ("Gmail", re.compile(r"GoogleImageProxy|ggpht\.com")),
    ("Yahoo Mail", re.compile(r"YahooMailProxy")),
    (
        "Outlook on a phone",
        re.compile(r"Outlook-(?:iOS|Android)|Outlook/.*(?:iPhone|iPad|Android)"),
    ),
    ("Outlook", re.compile(r"Microsoft Outlook|Outlook/|MSOffice|ms-office|Microsoft Office")),
    ("Thunderbird", re.compile(r"Thunderbird/")),
    # Apple's Mail shows pages with WebKit as Safari does, but does not call itself Safari.
    ("Apple Mail on a phone", re.compile(r"\((?:iPhone|iPad|iPod)(?!.*Safari/).*AppleWebKit/")),
    ("Apple Mail", re.compile(r"\(Macintosh(?!.*(?:Safari|Chrome|Firefox)/).*AppleWebKit/")),
    ("app on Android", re.compile(r"\(Linux;.*Android.*; wv\)")),
    (
        "browser on a phone",
        re.compile(r"(?:iPhone|iPad|Android|Mobile).*(?:Safari|Firefox|Chrome)/"),
    ),
    ("browser", re.compile(r"(?:Safari|Firefox|Chrome)/")),
)
MAIL_PROGRAMS = (*(name for name, _ in _KINDS), OTHER)
"""Every kind there is, as the property `client` of Email Opened names it."""


def mail_program(user_agent: str) -> str:
    """The kind of mail program behind a user agent, one of `MAIL_PROGRAMS`.

    >>> mail_program("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko (via ggpht.com GoogleImageProxy)")
    'Gmail'
    """
    return next((name for name, pattern in _KINDS if pattern.search(user_agent)), OTHER)

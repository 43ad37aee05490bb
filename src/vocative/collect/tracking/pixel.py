"""Events that come as the address of a picture: from mails and pages where no script runs."""

import base64
import binascii
from urllib.parse import parse_qs

from vocative.collect.tracking.refusals import malformed

PICTURE = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
"""One clear dot, as GIF."""


def event_in(query: bytes) -> bytes:
    """The event that `?data=` holds: JSON in base64, in either alphabet.

    >>> event_in(b"data=eyJldmVudCI6ICJTY2FubmVkIn0")
    b'{"event": "Scanned"}'

    Raises:
        Refused: there is none, or it is not base64.
    """
    data = parse_qs(query.decode("latin-1")).get("data", [""])[0]
    # A plus sign that nobody escaped has become a space.
    plain = data.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        event = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise malformed("data is not base64") from None
    if not event:
        raise malformed("the address has no data")
    return event

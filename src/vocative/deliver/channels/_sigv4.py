"""AWS Signature Version 4 for one request: what in, what signed headers out.

Written out because it is short and the vendor's library is many times larger than what we need of
it; tests hold it against that library.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, kw_only=True)
class AwsKey:
    """Who signs."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def signed_headers(
    url: str,
    *,
    content: bytes,
    headers: Mapping[str, str],
    key: AwsKey,
    region: str,
    service: str,
    at: datetime,
) -> dict[str, str]:
    """The headers of a POST without a query, with those that sign it.

    Args:
        url: The whole address.
        content: The body.
        headers: What else is sent and signed; names in lower case.
        key: Who signs.
        region: For example `eu-west-1`.
        service: For example `ses`.
        at: When; servers refuse what is older than some minutes.
    """
    parts = urlsplit(url)
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "host": parts.netloc, "x-amz-date": stamp}
    if key.session_token is not None:
        sent["x-amz-security-token"] = key.session_token
    names = ";".join(sorted(sent))
    canonical = "\n".join(
        (
            "POST",
            quote(parts.path or "/", safe="/-_.~%"),
            "",
            *(f"{name}:{' '.join(sent[name].split())}" for name in sorted(sent)),
            "",
            names,
            hashlib.sha256(content).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(
        ("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    secret = f"AWS4{key.secret_key}".encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, to_sign.encode(), "sha256").hex()
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key.access_key}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return sent

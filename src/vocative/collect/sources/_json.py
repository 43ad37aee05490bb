"""The bodies of webhooks: JSON, as strictly as it comes and as leniently as it must be read."""

import json
from typing import Any

import msgspec

from vocative.collect.sources.base import NotReadable
from vocative.collect.tracking.lenient import is_plain, tidied


def read_json(body: bytes) -> Any:
    """A body's value; NaN is null, and half a character is `�`: its sender would not mend it.

    Raises:
        NotReadable: it is no JSON.
    """
    try:
        if is_plain(body):
            return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(tidied(body))
    except (ValueError, RecursionError) as error:
        raise NotReadable("the body is no JSON") from error

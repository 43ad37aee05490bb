"""Names that every engine can hold.

Columns are named after what they are about: `segment high_value`, `score churn`. Where an engine
has a shorter limit or refuses a character, the name ends in a digest of the whole instead; the
same name always becomes the same.
"""

import hashlib

from vocative.engines.dialects.base import Dialect

_DIGEST = 12


def fitting(name: str, dialect: Dialect) -> str:
    """The name itself, or one that the dialect can hold."""
    limit = dialect.longest_name
    too_long = limit is not None and len(name.encode()) > limit
    if not too_long and not set(name) & set(dialect.refused_in_names):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    kept = "".join("_" if letter in dialect.refused_in_names else letter for letter in name)
    if limit is not None:
        kept = kept.encode()[: limit - _DIGEST - 1].decode(errors="ignore")
    return f"{kept}~{digest}" if "~" not in dialect.refused_in_names else f"{kept}_{digest}"

"""Which of our names a foreign name stands for.

In comes a mapping file and the traits of a workspace, out go Liquid paths. A name that nothing
stands for becomes a trait of the same name in our spelling, and is told with the nearest trait
there is, so that nothing is lost and the check finds it until it is declared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from vocative.compose.dialects._writing import quoted
from vocative.errors import AuthorError, Where, nearest
from vocative.workspace.yaml_text import YamlText, parse_yaml, read_yaml

MESSAGE_NAMES = frozenset(
    (
        "campaign",
        "offer",
        "person",
        "postal_address",
        "preferences_url",
        "preheader",
        "products",
        "sender_name",
        "unsubscribe_url",
        "variant",
        "view_url",
    )
)
"""What every message has beside the traits of its person."""
_TEXTS = MESSAGE_NAMES - {"offer", "person", "products"}
_KEYS = frozenset({"as", "fallback"})
_PATH = re.compile(r"[a-z_][\w-]*(?:\.[\w-]+|\[-?\d+\])*\Z", re.IGNORECASE)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_MAX_NAME = 60
_RESERVED = frozenset("and blank contains else empty false if in nil not null or true".split())
"""Words that Liquid reads in another way."""


@dataclass(frozen=True)
class Named:
    """What a foreign name became."""

    path: str
    """A Liquid path, such as `person.first_name`."""
    fallback: str = ""
    """What to print where there is nothing, if the template says nothing itself."""
    known: bool = True
    """Every message has it, or the workspace has such a trait."""
    nearest: str | None = None
    """The trait that is spelled most like it, when it is not known."""
    type: str | None = None
    """The trait's type, as `traits.yaml` has it; None when nobody knows."""


@dataclass(frozen=True)
class FieldMap:
    """How the names of one foreign account are to be read."""

    named: Mapping[str, Named] = field(default_factory=dict)
    """By foreign name as written, dots between the parts of a path."""
    traits: Mapping[str, str] = field(default_factory=dict)
    """What the workspace knows of a person: names and types (`text`, `number`, …)."""

    def find(self, foreign: str, usual: str | None = None) -> Named:
        """What a foreign name stands for.

        Args:
            foreign: The name as the template has it, such as `FNAME` or `event.items`.
            usual: What it stands for unless the mapping says otherwise, as a Liquid path; None
                when its own name is all there is.
        """
        if self.maps(foreign):
            return self._mapped[foreign.casefold()]
        return self._known(Named(usual or f"person.{trait_name(foreign)}"))

    def maps(self, foreign: str) -> bool:
        """Whether the mapping itself says what a foreign name stands for."""
        return foreign.casefold() in self._mapped

    @cached_property
    def _mapped(self) -> dict[str, Named]:
        """By folded name: other systems do not mind upper and lower case."""
        return {name.casefold(): self._known(named) for name, named in self.named.items()}

    def _known(self, named: Named) -> Named:
        """A name with what the workspace knows of it."""
        root, _, rest = named.path.partition(".")
        if root != "person":
            return replace(named, type="text" if root in _TEXTS else None)
        trait = re.split(r"[.\[]", rest)[0]
        if trait in self.traits:
            # Of a part of a trait nobody knows what it is.
            return replace(named, type=self.traits[trait] if trait == rest else None)
        return replace(named, known=False, nearest=nearest(trait, self.traits))


def trait_name(foreign: str) -> str:
    """A foreign name in our spelling: lower case, words joined by `_`.

    >>> trait_name("FavouriteColour"), trait_name("event.Items"), trait_name("MMERGE5")
    ('favourite_colour', 'event_items', 'mmerge5')
    """
    words = [word.lower() for word in _WORDS.findall(foreign)]
    name = ""
    for word in words:
        # MMERGE5 and line1 are one word, "Order 5" is two.
        joined = word.isdigit() and re.search(rf"[A-Za-z]{word}", foreign) is not None
        name += word if joined or not name else f"_{word}"
    name = name[:_MAX_NAME] or "unnamed"
    return f"field_{name}" if name[0].isdigit() or name in _RESERVED else name


def read_field_map(file: Path | None, traits: Mapping[str, str] | None = None) -> FieldMap:
    """The mapping of a file: foreign names and the traits or paths they stand for.

    Args:
        file: `FOREIGN: trait`, or `FOREIGN: {as: trait, fallback: text}`; None: an empty one.
        traits: What the workspace knows of a person: names and types.

    Raises:
        AuthorError: the file is not such a mapping.
    """
    if file is None:
        return FieldMap(traits=traits or {})
    return field_map_of(read_yaml(file), traits)


def parse_field_map(
    text: str, traits: Mapping[str, str] | None = None, *, file: str = "fields"
) -> FieldMap:
    """The mapping of a text, as `read_field_map` reads it from a file."""
    return field_map_of(parse_yaml(text, file), traits)


def field_map_of(text: YamlText, traits: Mapping[str, str] | None = None) -> FieldMap:
    """The mapping that a YAML text holds.

    Raises:
        AuthorError: a value is no name, or a key means nothing.
    """
    named = {}
    for foreign, value in text.value.items():
        where = text.where((foreign,))
        path, fallback = value, ""
        if isinstance(value, dict):
            for key in value:
                if key not in _KEYS:
                    raise AuthorError(
                        f"unknown key {key!r} for the field {foreign!r}",
                        where=text.where((foreign, key, "@key")),
                        hint="known: as, fallback",
                    )
            path, fallback = value.get("as"), str(value.get("fallback", ""))
        if quoted(fallback) is None:
            raise AuthorError(
                f"the fallback of {foreign!r} holds quotes of both kinds, or the end of a tag",
                where=where,
                hint="use one kind of quotes",
            )
        named[foreign] = Named(_path(foreign, path, where), fallback)
    return FieldMap(named, traits or {})


def _path(foreign: str, value: object, where: Where) -> str:
    if not isinstance(value, str) or not _PATH.match(value):
        raise AuthorError(
            f"the field {foreign!r} must stand for a trait",
            where=where,
            hint="write the name of a trait (first_name), or a path (offer.code)",
        )
    root = re.split(r"[.\[]", value)[0]
    return value if root in MESSAGE_NAMES else f"person.{value}"

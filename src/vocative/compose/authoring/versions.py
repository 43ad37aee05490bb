"""States of a template: what each was made of, and a short name for it that follows its content.

In comes a `TemplateSource`, out goes its version, or all its texts as JSON from which the source
can be made again.
"""

import hashlib
from dataclasses import replace
from typing import Any

import msgspec

from vocative.compose.authoring.assets import addresses_in
from vocative.compose.authoring.blocks import assemble, used_blocks
from vocative.compose.authoring.source import TemplateSource

VERSION_CHARACTERS = 12


def texts_of(source: TemplateSource) -> dict[str, Any]:
    """Everything that a template says, blocks that it uses included.

    Raises:
        AuthorError: it names a block that there is not, or uses one wrongly.
    """
    texts: dict[str, Any] = {
        "markup": source.markup,
        "body": source.body.text,
        **{key: passage.text for key, passage in source.lines()},
        "blocks": {name: source.blocks[name].text for name in sorted(used_blocks(source))},
    }
    if assets := addresses_in(assemble(source), source.assets):
        texts["assets"] = assets
    if source.layout is not None:
        texts["layout"] = source.layout.text
    if source.languages:
        texts["languages"] = {tag: texts_of(one) for tag, one in sorted(source.languages.items())}
    return texts


def source_from(name: str, texts: dict[str, Any]) -> TemplateSource:
    """The source that `texts_of` was given."""
    lines = {key: texts.get(key) for key in ("preheader", "from_name", "text", "layout")}
    source = TemplateSource.of(
        name,
        subject=texts["subject"],
        blocks=texts["blocks"],
        assets=texts.get("assets", {}),
        **{texts["markup"]: texts["body"]},
        **lines,
    )
    languages = {
        tag: source_from(f"{name}.{tag}", one) for tag, one in texts.get("languages", {}).items()
    }
    return replace(source, languages=languages)


def assets_of(source: TemplateSource) -> dict[str, str]:
    """The addresses of the pictures that a template names, in all its languages.

    Raises:
        AuthorError: one is not there, too large or of the wrong kind.
    """
    found = addresses_in(assemble(source), source.assets)
    for one in source.languages.values():
        found |= assets_of(one)
    return found


def settled(source: TemplateSource) -> TemplateSource:
    """The source with the addresses of its pictures found, so that no file is needed any more.

    Raises:
        AuthorError: see `assets_of`.
    """
    assets = assets_of(source)
    languages = {tag: replace(one, assets=assets) for tag, one in source.languages.items()}
    return replace(source, assets=assets, languages=languages)


def version_of(source: TemplateSource) -> str:
    """A short name of a template's content: the same texts have the same, on every machine."""
    written = msgspec.json.encode(texts_of(source), order="deterministic")
    return hashlib.sha256(written).hexdigest()[:VERSION_CHARACTERS]


def parts_of(texts: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """The texts of a version by what they are, such as `subject` or `de: block footer`."""
    found = {}
    for key in ("subject", "preheader", "from_name", "layout", "body", "text"):
        if texts.get(key):
            found[f"{prefix}{key}"] = str(texts[key])
    if texts.get("assets"):
        addresses = texts["assets"].values()
        found[f"{prefix}pictures"] = "".join(f"{address}\n" for address in addresses)
    for name, text in texts["blocks"].items():
        found[f"{prefix}block {name}"] = text
    for tag, one in texts.get("languages", {}).items():
        found |= parts_of(one, f"{tag}: ")
    return found

"""Good templates, and faults planted in them by rule: one fault at a time, at every place it fits.

Out come good templates, and for each fault the template that has it and the codes under which the
static check must tell of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import yaml

import vocative.workspace
from vocative.compose import Finding, TemplateSource, check_template
from vocative.sql import Field, Type

_STARTER = Path(vocative.workspace.__file__).parent / "starter" / "templates"
_TOO_MUCH = "<p>" + "More than anybody reads. " * 5_000 + "</p>"
CATALOG = {
    field.name: field
    for field in (
        Field(name="first_name", kind="trait", type=Type.TEXT, personal=True),
        Field(name="country", kind="trait", type=Type.TEXT),
        Field(name="favourite_category", kind="feature", type=Type.TEXT),
        Field(name="last_order_at", kind="feature", type=Type.INSTANT),
        Field(name="spend_180d", kind="feature", type=Type.NUMBER, nullable=False),
        Field(name="orders_180d", kind="feature", type=Type.INTEGER, nullable=False),
    )
}


@dataclass(frozen=True)
class Good:
    """A template that nothing is wrong with: its texts by the name of their file."""

    name: str
    texts: Mapping[str, str]

    def source(self) -> TemplateSource:
        """The template as the check takes it."""
        blocks = {
            file.removeprefix("blocks/"): text
            for file, text in self.texts.items()
            if file.startswith("blocks/")
        }
        more = {key: self.texts[key] for key in ("preheader", "text") if key in self.texts}
        return TemplateSource.of(
            self.name,
            subject=self.texts["subject"],
            mjml=self.texts["mjml"],
            blocks=blocks,
            **more,
        )


class Fault(NamedTuple):
    """A fault that was planted."""

    rule: str
    template: Good
    codes: frozenset[str]
    file: str
    """The text it was planted in."""


class _Rule(NamedTuple):
    codes: str
    """The check may tell of the fault under any of these."""
    pattern: str
    """Where the fault fits."""
    change: Callable[[re.Match[str]], str]
    files: str = "mjml|blocks/.*"


def good_templates() -> list[Good]:
    """The starter's templates, and one that has what these have not."""
    blocks = {
        f"blocks/{path.stem}": path.read_text(encoding="utf-8")
        for path in sorted((_STARTER / "blocks").glob("*.mjml"))
    }
    found = []
    for path in sorted(_STARTER.glob("*.mjml")):
        lines = yaml.safe_load(path.with_suffix(".yaml").read_text(encoding="utf-8"))
        texts = {key: lines[key] for key in ("subject", "preheader") if key in lines}
        mjml = path.read_text(encoding="utf-8")
        used = {
            name: text for name, text in blocks.items() if name.partition("/")[2] in _calls(mjml)
        }
        found.append(Good(path.stem, {"mjml": mjml, **texts, **used}))
    return [*found, Good("own", _OWN)]


def faults() -> Iterator[Fault]:
    """Every fault, in a fixed order."""
    for good in good_templates():
        for name, rule in _RULES.items():
            for file, text in good.texts.items():
                if not re.fullmatch(rule.files, file):
                    continue
                for found in re.finditer(rule.pattern, text, re.DOTALL):
                    changed = text[: found.start()] + rule.change(found) + text[found.end() :]
                    spoilt = replace(good, texts={**good.texts, file: changed})
                    yield Fault(name, spoilt, frozenset(rule.codes.split()), file)


def some_faults(each: int) -> list[Fault]:
    """Up to so many faults of every rule, from all over the templates."""
    by_rule: dict[str, list[Fault]] = {}
    for fault in faults():
        by_rule.setdefault(fault.rule, []).append(fault)
    return [
        planted[number * len(planted) // min(each, len(planted))]
        for planted in by_rule.values()
        for number in range(min(each, len(planted)))
    ]


def is_found(fault: Fault) -> bool:
    """Whether the check tells of a fault, with its place and what to do."""
    return any(
        found.code in fault.codes and found.where.line and found.where.column and found.fix
        for found in check(fault.template)
    )


def check(good: Good) -> list[Finding]:
    """What the check says of a template."""
    return check_template(good.source(), CATALOG)


def _calls(text: str) -> set[str]:
    return set(re.findall(r"render '(\w+)'", text)) | {"offer", "product_card"}


def _with(before: str, after: str = "") -> Callable[[re.Match[str]], str]:
    return lambda found: before + found[0] + after


def _become(text: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found.expand(text)


_CONDITION = r"\{% if ([\w.]+) %\}"
_LINK = r'(?<= href=")(?=https://|\{\{ product\.url)'
_TEXT_BEGINS = r"<mj-text(?:[^>/]|/(?!>))*>"
_RULES = {
    "missing fallback": _Rule(
        "may_be_missing", r" \| default: [^}|]*?(?= \}\})", _become(""), "mjml|blocks/.*|subject"
    ),
    "guard of another value": _Rule(
        "may_be_missing shown_where_empty",
        r"\{% if (offer\.\w+|product\.(?:reason|price|category)|person\.\w+) %\}",
        _become("{% if sender_name != '' %}"),
        ".*",
    ),
    "swapped branches": _Rule(
        "shown_where_empty",
        r"\{% if (offer\.\w+|product\.(?:reason|price|category)|person\.\w+|offer) %\}"
        r"(?!\s*\{% render)",
        _become(r"{% if \1 == nil %}"),
        ".*",
    ),
    "swapped by unless": _Rule(
        "shown_where_empty",
        r"\{% if (person\.\w+) %\}([^%]*)\{% else %\}(.*?)\{% endif %\}",
        _become(r"{% unless \1 %}\2{% else %}\3{% endunless %}"),
        ".*",
    ),
    "branch that cannot be": _Rule(
        "dead_branch", _CONDITION, _become(r"{% if \1 and \1 == nil %}"), ".*"
    ),
    "branch behind a wider one": _Rule(
        "dead_branch",
        r"(?<=\{% elsif person\.spend_180d > )\d+",
        _become("9999"),
    ),
    "count below nothing": _Rule("dead_branch", r"\.size > 0 %", _become(".size < 0 %"), ".*"),
    "list taken for a condition": _Rule(
        "dead_branch",
        r"\{% if products\.size > 0 %\}(?=[^{]*\{% else)",
        _become("{% if products %}"),
        ".*",
    ),
    "unknown field": _Rule(
        "unknown_field", r"(?<=\{\{ )(person|product|offer)\.\w+", _become(r"\g<0>x"), ".*"
    ),
    "unknown field in a condition": _Rule(
        "unknown_field", r"\{% if (person|offer|product)\.\w+", _become(r"\g<0>_x"), ".*"
    ),
    "unknown name": _Rule(
        "unknown_field",
        r"(?<=\{\{ )(sender_name|view_url|postal_address)",
        _become(r"\g<0>s"),
        ".*",
    ),
    "unknown filter": _Rule(
        "unknown_filter", r"\| (money|downcase|date)", _become("| munny"), ".*"
    ),
    "unknown block": _Rule("unknown_block", r"(?<=render ')\w+", _become(r"\g<0>z")),
    "text taken for a number": _Rule(
        "wrong_type",
        r"(?<=\{\{ )(sender_name|campaign\.name)(?= \}\})",
        _become(r"\1 | times: 2"),
        ".*",
    ),
    "list printed whole": _Rule(
        "wrong_type", r"(?<=\{\{ )(sender_name|campaign\.name)(?= \}\})", _become("products"), ".*"
    ),
    "number compared with text": _Rule(
        "wrong_type", r"(spend_180d|orders_180d) >=? \d+", _become(r"\1 == 'many'")
    ),
    "link without a scheme": _Rule("incomplete_link", _LINK, _become("/")),
    "link with one slash": _Rule("broken_link", r'(?<= href=")https://(?=\w)', _become("https:/")),
    "link with a misspelt scheme": _Rule("broken_link", _LINK, _become("htps://")),
    "link with two schemes": _Rule(
        "broken_link", r'(?<= href=")https://(?=\w)', _become("https://https://")
    ),
    "link with a space": _Rule("broken_link", r'( href="https://[\w.]+/)(\w)', _become(r"\1 \2")),
    "link that is empty": _Rule("incomplete_link", r'(?<= href=")[^"]*', _become("")),
    "link that runs code": _Rule("unsafe_link", _LINK, _become("javascript:go/")),
    "address of a person's making": _Rule(
        "unsafe_url",
        r'(?<= href=")(https://[^"{]*|\{\{ product\.url \}\})',
        _become("{{ person.country | default: sender_name }}"),
    ),
    "value in a style": _Rule(
        "unsafe_context",
        _TEXT_BEGINS,
        _with("", '<i style="color: {{ person.country | default: sender_name }}">a</i>'),
    ),
    "code in an attribute": _Rule(
        "unsafe_context", _TEXT_BEGINS, _with("", '<b onclick="x()">b</b>')
    ),
    "value in a comment": _Rule(
        "unsafe_context", _TEXT_BEGINS, _with("", "<!-- {{ sender_name }} -->")
    ),
    "picture without words": _Rule("image_without_alt", r' alt="[^"]*"', _become("")),
    "pale text": _Rule(
        "low_contrast",
        r'(<mj-text[^>]*? color="#)[0-9a-f]{6}(?="[^>]*>\s*(?:\w|\{\{))',
        lambda found: (
            found[1] + ("2b5138" if "ffffff" in found[0] or "dbe6dd" in found[0] else "f1ece0")
        ),
    ),
    "pale span": _Rule(
        "low_contrast", _TEXT_BEGINS, _with("", '<b style="color:#777;background:#666">c</b>')
    ),
    "far too long": _Rule("too_large", _TEXT_BEGINS, _with("", _TOO_MUCH)),
    "no way to leave": _Rule(
        "no_unsubscribe_link",
        r'href="\{\{ unsubscribe_url \}\}"',
        _become('href="https://x.example"'),
    ),
    "no way to leave for some": _Rule(
        "no_unsubscribe_link",
        r'<a href="\{\{ unsubscribe_url \}\}">[^<]*</a>',
        _become(r"{% if offer %}\g<0>{% endif %}"),
        "mjml",
    ),
    "nobody's address": _Rule("no_postal_address", r"\{\{ postal_address \}\}", _become("x")),
    "condition never closed": _Rule(
        "liquid", r"\{% end(if|for|case|unless) %\}", _become(""), ".*"
    ),
    "tag never closed": _Rule("liquid", r"(?<=[\w'\")]) (%\}|\}\})", _become(""), ".*"),
    "condition misspelt": _Rule("liquid", r"\{% elsif", _become("{% elseif"), ".*"),
    "element never closed": _Rule("mjml", r"</mj-(text|column|section)>", _become("")),
    "element misspelt": _Rule(
        "mjml", r"<(mj-\w+)((?:[^<>\"]|\"[^\"]*\")*?)/>", _become(r"<\1x\2/>")
    ),
    "quote never closed": _Rule("mjml", r'(?<=[\w#])"(?= ?/?>)', _become("")),
    "words outside a text": _Rule("mjml", r"</mj-text>", _with("", " Hello ")),
    "text without a way to leave": _Rule(
        "text_without_unsubscribe", r"\{\{ unsubscribe_url \}\}", _become("the site"), "text"
    ),
    "broken link in the plain text": _Rule(
        "broken_link", r"(?<=<)https://", _become("https:///"), "text"
    ),
}
_OWN = {
    "subject": '{{ person.first_name | default: "Hello" }}, your year with {{ sender_name }}',
    "preheader": "{% if person.last_order_at %}Since {{ person.last_order_at | date: '%-d %B' }}"
    "{% else %}Come and see{% endif %}",
    "text": "Hello {{ person.first_name | default: 'there' }},\n"
    "see <https://shop.example/year?a=1> and <{{ view_url }}>.\n"
    "Unsubscribe: {{ unsubscribe_url }}\n{{ postal_address }}\n",
    "mjml": """<mjml lang="en">
  <mj-head>
    <mj-title>{{ campaign.name }}</mj-title>
    <mj-attributes><mj-text color="#222222" font-size="16px" /></mj-attributes>
  </mj-head>
  <mj-body background-color="#ffffff">
    <mj-section background-color="#f4f1ec">
      <mj-column>
        <mj-image src="https://shop.example/i/{{ variant | default: 'a' }}.png" alt="A bee" />
        <mj-text color="#333333">
          {{ person.first_name | default: "Hello" }},
          {% if person.spend_180d > 500 %}
            you are among our best.
          {% elsif person.spend_180d > 100 %}
            you come often.
          {% elsif person.orders_180d >= 1 %}
            you were here.
          {% else %}
            we missed you.
          {% endif %}
          {% if products.size > 0 %}See below what is new.{% else %}Come again soon.{% endif %}
          {% unless person.last_order_at == nil %}
            Your last order was on {{ person.last_order_at | date: "%-d %B" }}.
          {% endunless %}
        </mj-text>
        <mj-text>
          {% case person.country %}
            {% when "GB", "IE" %}Free delivery to {{ person.country }}.
            {% when "DE" %}Kostenfrei.
            {% else %}We deliver everywhere.
          {% endcase %}
          {% assign lead = products | map: "title" | first %}
          {% if lead %}See <a href="https://shop.example/new">{{ lead }}</a>.{% endif %}
          {% capture page %}https://shop.example/{{ campaign.name | url_encode }}{% endcapture %}
          <a href="{{ page }}">Your page</a> <a href="mailto:hello@shop.example">Write to us</a>
        </mj-text>
        {% for product in products limit: 3 %}
          {% if product.price and product.price < 50 %}
            <mj-text><a href="{{ product.url }}" style="color: #24452f">{{ product.title }}</a>
              {{ product.price | money: product.currency }}</mj-text>
          {% elsif forloop.first %}
            <mj-text>The best first.</mj-text>
          {% endif %}
        {% endfor %}
        <mj-button background-color="#24452f" color="#ffffff" href="https://shop.example/year?a=1&b=2">
          See your year
        </mj-button>
        <mj-text color="#444444" font-size="12px">
          <a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ postal_address }}
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
""",
}

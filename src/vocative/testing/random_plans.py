"""Random but valid workspaces: features of every kind, and segments over whatever there is.

A generator of chance comes in (the same seed gives the same workspace), definitions as YAML bodies
go out. They speak the words that `random_histories` fills histories with, and their lengths of
time come from one short list, so that facts can be put exactly on the edges.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from vocative.sql.types import Type

EVENTS = (
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Order Completed",
    "Order Refunded",
    "Email Opened",
    "App Opened",
)
WINDOWS = {
    "1s": 1,
    "30s": 30,
    "10min": 600,
    "1h": 3_600,
    "2h": 7_200,
    "24h": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
    "12w": 7_257_600,
    "365d": 31_536_000,
}
"""Lengths of time that definitions use, in seconds."""
INTERVALS = ("1 second", "30 minutes", "1 hour", "24 hours", "7 days", "30 days", "365 days")
CALENDAR_INTERVALS = ("1 month", "3 months", "1 year")
CATEGORIES = ("a", "b", "c", "Ä")
PRODUCTS = ("i1", "i2", "i3", "i4", "gone")
COLOURS = ("red", "blue", "7", "12.5")
COUNTRIES = ("FR", "DE", "fr")
AMOUNTS = (0.1, 0.2, 0.3, 10.0, 10.004, 19.99, 25.5, 1e-7, 123_456.78)
MODEL = "likely"

TRAITS = {
    "country": {"type": "text"},
    "club": {"type": "text"},
    "timezone": {"type": "text"},
    "visits": {"type": "number"},
    "level": {"type": "integer"},
    "vip": {"type": "boolean"},
    "renews_on": {"type": "date"},
    "signed_at": {"type": "instant"},
}
ITEMS: dict[str, dict[str, Any]] = {
    "i1": {"category": "a", "price": 10.0, "margin": 0.5, "title": "One", "currency": "EUR"},
    "i2": {"category": "b", "price": 25.5, "margin": None, "title": "Two", "currency": "EUR"},
    "i3": {"category": None, "price": None, "margin": 2.0, "title": "Three", "currency": "GBP"},
    "i4": {"category": "a", "price": 0.3, "margin": -1.0, "title": "Four", "currency": None},
}
"""The catalog; the product `gone` is not in it."""

SETTINGS = """\
workspace: random
timezone: Europe/Berlin
currency: EUR
sender: {email: hello@shop.example, name: The Shop}
postal_address: "1 High Street, London"
"""
WORKSPACE_ZONE = "Europe/Berlin"

_NUMBER = ["revenue", "price", "quantity", "price * quantity", "coalesce(revenue, 0)"]
_EVENT_NUMBER = [*_NUMBER, "to_number(properties.size)", "case when price > 10 then 1 else 2.5 end"]
_EVENT_TEXT = ["product_id", "category", "properties.colour", "lower(category)", "name"]
_EVENT_TEXT += ["coalesce(category, 'none')"]
_LINE_TEXT = ["product_id", "category", "order_id", "coalesce(category, 'none')"]
_ITEM_NUMBER = ["item.price", "item.margin", "item.price * coalesce(quantity, 1)"]
_ITEM_TEXT = ["item.category", "item.title"]
_LINE_TEST = [
    "price > 10",
    "category = 'a'",
    "category in ('a', 'b')",
    "category is null",
    "product_id is not null",
    "quantity between 1 and 2",
    "revenue > 5 or category = 'b'",
    "not (price > 10)",
    "product_id <> 'i1'",
]
_EVENT_TEST = [
    *_LINE_TEST,
    "properties.colour = 'red'",
    "coalesce(properties.verdict, 'human') <> 'machine'",
    "to_number(properties.colour) > 7",
    "at >= '2025-12-01'",
    "date_part('isodow', at) > 5",
    "date_part('hour', at) < 12",
    "currency = 'EUR' and revenue > 1",
    "campaign like 's%'",
]
_ITEM_TEST = ["item.category = 'a'", "item.price >= 10", "item.margin is null"]
_FITTING_DEFAULT: dict[Type, Any] = {
    Type.INTEGER: 3,
    Type.NUMBER: -1.5,
    Type.TEXT: "none",
    Type.BOOLEAN: True,
    Type.INSTANT: "2025-01-01T00:00:00Z",
}


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """A workspace's definitions: bodies by name."""

    features: Mapping[str, Mapping[str, Any]]
    segments: Mapping[str, Mapping[str, Any]]

    @property
    def sequences(self) -> list[list[dict[str, Any]]]:
        """The steps of each sequence, so that histories can follow them."""
        written = [body["sequence"] for body in self.features.values() if "sequence" in body]
        return [
            [step if isinstance(step, dict) else {"event": step} for step in steps]
            for steps in written
        ]

    def write(self, root: Path) -> None:
        """Make a folder a workspace of these definitions."""
        root.mkdir(parents=True, exist_ok=True)
        (root / "vocative.yaml").write_text(SETTINGS, encoding="utf-8")
        _write(root / "traits.yaml", TRAITS)
        _write(root / "models" / "drawn.yaml", {MODEL: _MODEL_BODY})
        _write(root / "features" / "drawn.yaml", self.features)
        _write(root / "segments" / "drawn.yaml", self.segments)


_MODEL_BODY = {"predict": "Order Completed", "within": "30d"}


def _write(path: Path, bodies: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    text = yaml.safe_dump({name: _plain(body) for name, body in bodies.items()}, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """A value without objects that appear twice: YAML would write references."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


@dataclass(kw_only=True)
class _Known:
    """The names a condition about a person can use, by type."""

    rng: Random
    fields: dict[str, Type] = field(default_factory=dict)
    decaying: set[str] = field(default_factory=set)
    segments: list[str] = field(default_factory=list)
    families: list[str] = field(default_factory=list)

    def of(self, *kinds: Type, also: Sequence[str] = ()) -> str | None:
        """A name of one of some types, None when there is none."""
        fitting = [name for name, kind in self.fields.items() if kind in kinds]
        fitting = [name for name in fitting if name not in self.decaying]
        return self.rng.choice([*fitting, *also]) if fitting or also else None


def draw_definitions(
    rng: Random, *, features: int = 30, segments: int = 20, without: frozenset[str] = frozenset()
) -> Definitions:
    """A workspace's definitions.

    Args:
        rng: Where chance comes from.
        features: How many features.
        segments: How many segments.
        without: Kinds of features (the keys of `FEATURE_KINDS`) and words to leave out.
    """
    known = _Known(rng=rng, fields=_trait_types())
    kinds = [kind for kind in FEATURE_KINDS if kind not in without]
    drawn: dict[str, dict[str, Any]] = {}
    made = min(features // 3, 12)
    for number in range(features):
        # Each kind once, in an order of chance, before one comes again.
        kind = kinds[number % len(kinds)] if number < len(kinds) else rng.choice(kinds)
        if number >= features - made:
            kind = rng.choice([k for k in kinds if k in MADE_KINDS] or kinds)
        name = f"f{number:02d}_{kind}"
        body, result = FEATURE_KINDS[kind](known, without)
        drawn[name] = body
        known.fields[name] = result
        if "half_life" in body:
            known.decaying.add(name)
    asked: dict[str, dict[str, Any]] = {}
    for number in range(segments):
        name = f"s{number:02d}"
        if number % 6 == 5 and "family" not in without:
            name = f"{name}_family"
            asked[name] = {"by": known.of(Type.TEXT, Type.INTEGER, Type.BOOLEAN) or "country"}
            known.families.append(name)
            continue
        asked[name] = {"where": condition(known, without)}
        known.segments.append(name)
    return Definitions(features=drawn, segments=asked)


def _trait_types() -> dict[str, Type]:
    stated = {name: Type(body["type"]) for name, body in TRAITS.items() if name != "timezone"}
    return {"first_seen_at": Type.INSTANT, "email_domain": Type.TEXT, **stated}


# Features of events

Drawn = tuple[dict[str, Any], Type]
Without = frozenset[str]


def _names(rng: Random, most: int = 3) -> str | list[str]:
    names = rng.sample(EVENTS, rng.randint(1, most))
    return names if len(names) > 1 or rng.random() < 0.3 else names[0]


def _windowed(known: _Known, without: Without, *, newest: bool = True) -> dict[str, Any]:
    rng = known.rng
    length = rng.choice(list(WINDOWS))
    choices = [None, length, length]
    if newest and "newest" not in without:
        count = rng.choice([1, 2, 3, 5])
        choices += [f"last {count}", f"last {count} in {length}"]
    window = rng.choice(choices)
    return {} if window is None else {"window": window}


def _where(
    known: _Known, without: Without, *, lines: bool = False, chance: float = 0.4
) -> dict[str, Any]:
    rng = known.rng
    if rng.random() >= chance:
        return {}
    tests = [*(_LINE_TEST if lines else _EVENT_TEST)]
    if "items" not in without:
        tests += _ITEM_TEST
    if rng.random() < 0.3:
        return {"where": f"{rng.choice(tests)} {rng.choice(['and', 'or'])} {rng.choice(tests)}"}
    return {"where": rng.choice(tests)}


def _about(known: _Known, without: Without) -> dict[str, Any]:
    """What is common to plain aggregates: which facts, within which window."""
    lines = known.rng.random() < 0.25
    # The lines of one order have no order of their own: the last n of them mean nothing.
    window = _windowed(known, without, newest=not lines)
    body = {**window, **_where(known, without, lines=lines)}
    return {**body, "lines": True} if lines else body


def _defaulted(known: _Known, body: dict[str, Any], kind: Type) -> Drawn:
    if known.rng.random() < 0.25:
        body = {**body, "default": _FITTING_DEFAULT[kind]}
    return body, kind


def _numeric(known: _Known, without: Without, *, lines: bool) -> str:
    choices = [*(_NUMBER if lines else _EVENT_NUMBER)]
    return known.rng.choice(choices if "items" in without else choices + _ITEM_NUMBER)


def _text(known: _Known, without: Without, *, lines: bool) -> str:
    choices = [*(_LINE_TEXT if lines else _EVENT_TEXT)]
    return known.rng.choice(choices if "items" in without else choices + _ITEM_TEXT)


def _value(known: _Known, without: Without, *, lines: bool) -> tuple[str, Type]:
    kind = known.rng.choice([Type.NUMBER, Type.TEXT, Type.INSTANT, Type.BOOLEAN])
    if kind is Type.NUMBER:
        return _numeric(known, without, lines=lines), kind
    if kind is Type.TEXT:
        return _text(known, without, lines=lines), kind
    return ("at" if kind is Type.INSTANT else "price > 10"), kind


def _count(known: _Known, without: Without) -> Drawn:
    body = {"count": _names(known.rng), **_about(known, without)}
    return _defaulted(known, body, Type.INTEGER)


def _exists(known: _Known, without: Without) -> Drawn:
    return {"exists": _names(known.rng), **_about(known, without)}, Type.BOOLEAN


def _added(key: str) -> "Draw":
    def draw(known: _Known, without: Without) -> Drawn:
        about = _about(known, without)
        value = _numeric(known, without, lines="lines" in about)
        return _defaulted(known, {key: value, "of": _names(known.rng), **about}, Type.NUMBER)

    return draw


def _picked(key: str) -> "Draw":
    def draw(known: _Known, without: Without) -> Drawn:
        about = _about(known, without)
        value, kind = _value(known, without, lines="lines" in about)
        return _defaulted(known, {key: value, "of": _names(known.rng), **about}, kind)

    return draw


def _distinct(known: _Known, without: Without) -> Drawn:
    about = _about(known, without)
    value, _ = _value(known, without, lines="lines" in about)
    body = {"distinct": value, "of": _names(known.rng), **about}
    return _defaulted(known, body, Type.INTEGER)


def _mode(known: _Known, without: Without) -> Drawn:
    about = _about(known, without)
    value = _text(known, without, lines="lines" in about)
    return _defaulted(known, {"mode": value, "of": _names(known.rng), **about}, Type.TEXT)


def _top(known: _Known, without: Without) -> Drawn:
    about = _about(known, without)
    body = {"top": _text(known, without, lines="lines" in about), "of": _names(known.rng), **about}
    if "top by" not in without and known.rng.random() < 0.7:
        body["by"] = _numeric(known, without, lines="lines" in about)
    return _defaulted(known, body, Type.TEXT)


def _streak(known: _Known, without: Without) -> Drawn:
    body: dict[str, Any] = {"streak": _names(known.rng), **_where(known, without)}
    period = known.rng.choice([None, "day", "week", "month"])
    return ({**body, "by": period} if period else body), Type.INTEGER


def _points(known: _Known, without: Without) -> Drawn:
    rng = known.rng
    names = rng.sample(EVENTS, rng.randint(1, 3))
    body: dict[str, Any] = {"points": {name: rng.choice([1, 3, 10, 0.5, -2]) for name in names}}
    if rng.random() < 0.6:
        body["half_life"] = rng.choice(["10min", "24h", "7d", "30d"])
    window = _windowed(known, without, newest=False)
    return {**body, **window, **_where(known, without)}, Type.NUMBER


def _sequence(known: _Known, without: Without) -> Drawn:
    rng = known.rng
    steps: list[Any] = [_first_step(known, without)]
    count = rng.randint(2, 4)
    while len(steps) < count:
        last, gap = len(steps) == count - 1, "no" in _keys(steps[-1])
        where = _where(known, without, chance=0.2)
        if not gap and rng.random() < 0.4:
            absence: dict[str, Any] = {"no": _names(rng, 2), **where}
            steps.append({**absence, **_within(rng)} if last else absence)
        else:
            steps.append({"then": _names(rng, 2), **_within(rng), **where})
    return {"sequence": steps, **_windowed(known, without, newest=False)}, Type.INSTANT


def _first_step(known: _Known, without: Without) -> Any:
    where = _where(known, without, chance=0.2)
    names = _names(known.rng, 2)
    if where or isinstance(names, list):
        return {"event": names, **where}
    return names


def _keys(step: Any) -> set[str]:
    return set(step) if isinstance(step, dict) else set()


def _within(rng: Random) -> dict[str, str]:
    return {"within": rng.choice(["1s", "30s", "10min", "1h", "2h", "24h", "7d"])}


# Features of features


def _expr(known: _Known, without: Without) -> Drawn:
    kinds = [Type.NUMBER, Type.TEXT, Type.BOOLEAN, Type.INSTANT, Type.INTEGER]
    kind = known.rng.choice(kinds)
    if kind is Type.BOOLEAN:
        # A plain feature cannot ask about segments or scores.
        return {"expr": condition(known, without | {"in_segment", "score"})}, kind
    return {"expr": _expression(known, kind, without)}, kind


def _expression(known: _Known, kind: Type, without: Without) -> str:
    rng = known.rng
    number = known.of(Type.NUMBER, Type.INTEGER) or "visits"
    other = known.of(Type.NUMBER, Type.INTEGER) or "visits"
    text, at = known.of(Type.TEXT) or "country", known.of(Type.INSTANT) or "signed_at"
    test = condition(known, without | {"in_segment", "score"}, depth=0)
    choices = {
        Type.NUMBER: [
            f"{number} / nullif({other}, 0)",
            f"coalesce({number}, 0) * 2.5 + coalesce({other}, 1.0)",
            f"greatest({number}, {other}, 0.5)",
            f"case when {test} then {number} else 1.5 end",
            f"round({number} * 1.0, 1)",
        ],
        Type.INTEGER: [
            f"days_since({at})",
            f"days_between({at}, first_seen_at)",
            f"floor({number})",
            f"length({text})",
            f"date_part('{rng.choice(['month', 'isodow', 'hour'])}', {at})",
            *([] if "zone" in without else ["days_to_anniversary(renews_on)"]),
        ],
        Type.TEXT: [
            f"coalesce({text}, 'none')",
            f"case when {test} then {text} else 'other' end",
            f"upper({text})",
            f"before({text}, '.')",
        ],
        Type.INSTANT: [
            f"{at} + interval '{rng.choice(INTERVALS + CALENDAR_INTERVALS)}'",
            f"coalesce({at}, first_seen_at)",
            f"date_trunc('{rng.choice(['hour', 'day', 'week', 'month'])}', {at})",
            *([] if "zone" in without else [f"local_time({at})"]),
        ],
    }
    return rng.choice(choices[kind])


def _ntile(known: _Known, without: Without) -> Drawn:
    rng = known.rng
    body: dict[str, Any] = {
        "ntile": rng.choice([2, 3, 5]),
        "of": known.of(Type.NUMBER, Type.INTEGER, Type.INSTANT) or "visits",
    }
    if rng.random() < 0.3:
        body["order"] = "descending"
    if rng.random() < 0.4:
        body["where"] = condition(known, without | {"in_segment", "score"}, depth=0)
    return body, Type.INTEGER


Draw = Callable[[_Known, Without], Drawn]
FEATURE_KINDS: dict[str, Draw] = {
    "count": _count,
    "exists": _exists,
    "sum": _added("sum"),
    "avg": _added("avg"),
    "min": _picked("min"),
    "max": _picked("max"),
    "first": _picked("first"),
    "last": _picked("last"),
    "distinct": _distinct,
    "mode": _mode,
    "top": _top,
    "streak": _streak,
    "points": _points,
    "sequence": _sequence,
    "expr": _expr,
    "ntile": _ntile,
}
MADE_KINDS = ("expr", "ntile")
"""Those computed from other features: drawn last, so that there is something to compute from."""


# Conditions about a person


def condition(known: _Known, without: Without = frozenset(), *, depth: int | None = None) -> str:
    """A random condition over the known names."""
    rng = known.rng
    depth = rng.choice([0, 0, 1, 2]) if depth is None else depth
    if depth:
        left = condition(known, without, depth=depth - 1)
        right = condition(known, without, depth=depth - 1)
        return f"({left} {rng.choice(['and', 'or'])} {right})"
    atom = rng.choice(_ATOMS)(known, without)
    chance = rng.random()
    if chance < 0.1:
        return f"not ({atom})"
    return f"({atom}) is {rng.choice(['', 'not '])}true" if chance < 0.2 else atom


def _about_number(known: _Known, _: Without) -> str:
    rng = known.rng
    decaying = sorted(known.decaying)
    if decaying and rng.random() < 0.3:
        name, number = rng.choice(decaying), rng.choice(["0", "0.5", "1", "2.5", "5", "-1"])
    else:
        name = known.of(Type.NUMBER, Type.INTEGER) or "visits"
        number = rng.choice(["0", "1", "2", "3", "10", "10.3", "20.2", "-1.5"])
    if rng.random() < 0.15:
        return f"{name} between {number} and 12"
    return f"{name} {rng.choice(['=', '<>', '<', '<=', '>', '>='])} {number}"


def _about_text(known: _Known, _: Without) -> str:
    rng, name = known.rng, known.of(Type.TEXT) or "country"
    value = rng.choice([*CATEGORIES, *PRODUCTS, *COLOURS, *COUNTRIES, "none"])
    return rng.choice(
        [
            f"{name} = '{value}'",
            f"{name} <> '{value}'",
            f"{name} in ('{value}', 'a', 'i1')",
            f"{name} like '{value[0]}%'",
            f"{name} ilike '%{value[-1]}'",
            f"{name} > '{value}'",
            f"starts_with({name}, '{value[0]}')",
        ]
    )


def _about_instant(known: _Known, without: Without) -> str:
    rng, name = known.rng, known.of(Type.INSTANT, Type.DATE) or "signed_at"
    other = known.of(Type.INSTANT) or "first_seen_at"
    operator = rng.choice(["<", "<=", ">", ">="])
    span = rng.choice(INTERVALS + (CALENDAR_INTERVALS if rng.random() < 0.2 else ()))
    unit = rng.choice(["day", "week", "month"])
    choices = [
        f"{name} {operator} now() - interval '{span}'",
        f"{name} {operator} now() - interval '{span}'",
        f"now() - {other} {operator} interval '{rng.choice(INTERVALS)}'",
        f"{name} + interval '{span}' {operator} now()",
        f"coalesce({other}, '-infinity') {operator} now() - interval '{span}'",
        f"{name} {operator} {other}",
        f"{name} > '2025-12-01'",
        f"days_since({name}) {operator} {rng.choice([0, 1, 7, 30])}",
        f"{name} between now() - interval '30 days' and now() - interval '1 hour'",
        f"date_trunc('{unit}', {name}) = date_trunc('{unit}', now())",
        f"date_part('{rng.choice(['hour', 'isodow', 'day'])}', now()) {operator} 5",
    ]
    return rng.choice(choices if "zone" in without else choices + _local(name, operator))


def _local(name: str, operator: str) -> list[str]:
    return [
        f"today() {operator} renews_on",
        f"local_date({name}) = today()",
        f"date_part('hour', local_time(now())) {operator} 9",
        f"date_part('isodow', local_time({name})) > 5",
        f"days_to_anniversary(renews_on) {operator} 7",
        "days_between(renews_on, today()) >= 30",
    ]


def _about_boolean(known: _Known, _: Without) -> str:
    return known.of(Type.BOOLEAN) or "vip"


def _about_unknown(known: _Known, _: Without) -> str:
    names = [name for name in known.fields if name not in known.decaying]
    return f"{known.rng.choice(names)} is {known.rng.choice(['', 'not '])}null"


def _about_membership(known: _Known, without: Without) -> str:
    rng = known.rng
    if "in_segment" in without or not known.segments:
        return _about_number(known, without)
    if known.families and rng.random() < 0.5:
        value = rng.choice([*CATEGORIES, *COUNTRIES, "0", "1", "2", "true"])
        return f"in_segment('{rng.choice(known.families)}:{value}')"
    return f"in_segment('{rng.choice(known.segments)}')"


def _about_score(known: _Known, without: Without) -> str:
    if "score" in without:
        return _about_text(known, without)
    return f"score('{MODEL}') {known.rng.choice(['<', '>='])} 0.5"


_ATOMS: tuple[Callable[[_Known, Without], str], ...] = (
    _about_number,
    _about_number,
    _about_text,
    _about_instant,
    _about_instant,
    _about_boolean,
    _about_unknown,
    _about_membership,
    _about_score,
)

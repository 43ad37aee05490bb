"""Compiles a plan into functions that answer for one person: features, segments, and until when.

In come the person's records, traits and scores and an instant. Out come the values of features, or
the segments the person is in, with the first instant at which some segment may change although
nothing happens. One function is written per set of segments, because an event touches few of them.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any

from vocative.clock import to_micros
from vocative.segment.definitions import (
    AggregateFeature,
    BucketFeature,
    PointsFeature,
    SequenceFeature,
    Window,
)
from vocative.segment.live import values
from vocative.segment.live.groups import RUNNING, SECOND, Group, Total, columns, running
from vocative.segment.plan import FeatureDef, Places, Plan, base_name
from vocative.sql import Field, Node, Type
from vocative.sql.nodes import FieldRef, Zone
from vocative.sql.python import NEVER, Operand, PythonNames, Writer, write

Cuts = Mapping[str, Places]
Traits = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A compiled function and what it wants.

    `judge` takes a record per group of `groups`, then now, traits, zone, scores, the segments the
    person was in (bits) and the families' values; it gives the bits and values now, and until when
    they stand.
    """

    groups: tuple[int, ...]
    judge: Callable[..., tuple[int, list[str | None], int]]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The same for reading features: gives a value per name, in order."""

    groups: tuple[int, ...]
    names: tuple[str, ...]
    read: Callable[..., tuple[Any, ...]]


_PARAMETERS = ("records", "now", "traits", "zone", "scores", "bits", "families")


def compile_segments(
    plan: Plan, groups: Sequence[Group], names: Iterable[str], cuts: Cuts
) -> Evaluation:
    """The function that judges some segments; the bits of the others are passed on.

    Args:
        plan: The workspace's plan; bit i is the i-th segment in its order.
        groups: The groups of all its features of events.
        names: Which segments.
        cuts: Where the buckets of ranking features begin.
    """
    writing = _Writing(plan, groups, cuts, follow_time=True)
    writing.segments(set(names))
    function = writing.writer.function("judge", _PARAMETERS)
    return Evaluation(groups=tuple(writing.used), judge=function)


def compile_features(
    plan: Plan, groups: Sequence[Group], names: Sequence[str], cuts: Cuts
) -> Reading:
    """The function that reads some features."""
    writing = _Writing(plan, groups, cuts, follow_time=False)
    found = [writing.field(FieldRef(name=name)).code for name in names]
    writing.writer.line(f"return ({''.join(code + ', ' for code in found)})")
    function = writing.writer.function("read", _PARAMETERS[:5])
    return Reading(groups=tuple(writing.used), names=tuple(names), read=function)


def uses_of(plan: Plan, groups: Sequence[Group]) -> dict[str, "Uses"]:
    """What each segment looks at, itself or through what it is made of."""
    group_of = {f.name: number for number, g in enumerate(groups) for f in g.features}
    features: dict[str, frozenset[str]] = {}
    for name, feature in plan.features.items():
        below = (features.get(need, frozenset({need})) for need in feature.needs)
        own = {name, _ZONE} if _asks_zone(feature) else {name}
        features[name] = frozenset(own).union(*below)
    found: dict[str, Uses] = {}
    for name, segment in plan.segments.items():
        fields: set[str] = set().union(*(features.get(f, {f}) for f in segment.fields))
        others = [found[base_name(other)] for other in segment.segments]
        found[name] = Uses(
            groups=frozenset(group_of[f] for f in fields if f in group_of).union(
                *(other.groups for other in others)
            ),
            traits=bool(fields & {*plan.traits, _ZONE})
            or _has_zone(segment.node)
            or any(other.traits for other in others),
            scores=bool(segment.scores) or any(other.scores for other in others),
        )
    return found


_ZONE = "local zone"
"""Stands for the person's time zone among the fields a feature needs."""


def _asks_zone(feature: FeatureDef) -> bool:
    how = feature.aggregate
    if how is not None and how.function == "streak":
        return True
    return any(_has_zone(node) for node in (feature.value, feature.condition) if node is not None)


def _has_zone(node: Node) -> bool:
    return any(isinstance(part, Zone) for part in node.walk())


@dataclass(frozen=True, kw_only=True)
class Uses:
    """What a segment depends on."""

    groups: frozenset[int]
    traits: bool
    scores: bool


class _Writing:
    """Writes one function."""

    def __init__(
        self, plan: Plan, groups: Sequence[Group], cuts: Cuts, *, follow_time: bool
    ) -> None:
        self.plan = plan
        self.groups = groups
        self.cuts = cuts
        self.follow_time = follow_time
        self.writer = Writer()
        self.used: list[int] = []
        """The groups whose records the function takes, in the order of its argument."""
        self._group_of = {f.name: number for number, g in enumerate(groups) for f in g.features}
        self._fields: dict[str, Operand] = {}
        self._members: dict[str, Operand] = {}
        self._starts: dict[tuple[int, int | None, int], str] = {}
        self._expiries: dict[tuple[int, str, int], str] = {}
        self._raw_points: dict[str, tuple[str, str, str | None]] = {}
        self.names = PythonNames(
            field=self.field, segment=self.member, score=self.score, crossing=self.crossing
        )

    # Segments

    def segments(self, wanted: set[str]) -> None:
        writer = self.writer
        order = list(self.plan.segments)
        families = [name for name, segment in self.plan.segments.items() if segment.is_family]
        untils: list[str] = []
        cleared = sum(1 << n for n, name in enumerate(order) if name in wanted - set(families))
        writer.line(f"found = bits & ~{cleared}")
        if wanted & set(families):
            writer.line("families = list(families)")
        for number, name in enumerate(order):
            if name not in wanted:
                continue
            segment = self.plan.segments[name]
            operand = write(
                segment.node,
                writer,
                self.names,
                follow_time=self.follow_time,
                truth=not segment.is_family,
            )
            if operand.until is not None:
                untils.append(writer.let(operand.until, "until"))
            if segment.is_family:
                slot = families.index(name)
                text = _as_text(operand, segment.node.type)
                value = writer.let(text, "value")
                writer.line(f"families[{slot}] = {value}")
                self._members[name] = Operand(code=value, until=operand.until)
                continue
            yes = writer.let(f"{operand.code} is True" if operand.nullable else operand.code, "in")
            with writer.block(f"if {yes}:"):
                writer.line(f"found |= {1 << number}")
            self._members[name] = Operand(code=yes, nullable=False, until=operand.until)
        until = f"min({NEVER}, {', '.join(dict.fromkeys(untils))})" if untils else str(NEVER)
        writer.line(f"return found, families, {until}")

    def member(self, name: str) -> Operand:
        """Whether the person is in a segment: as judged in this function, or as it was before."""
        family, _, value = name.partition(":")
        if value or ":" in name:
            known = self._members.get(family)
            slot = [n for n, s in self.plan.segments.items() if s.is_family].index(family)
            code = known.code if known else f"families[{slot}]"
            found = self.writer.let(f"{code} == {value!r}", "in")
            return Operand(code=found, nullable=False, until=known.until if known else None)
        if name not in self._members:
            number = list(self.plan.segments).index(name)
            found = self.writer.let(f"bits & {1 << number} != 0", "in")
            self._members[name] = Operand(code=found, nullable=False)
        return self._members[name]

    def score(self, model: str) -> Operand:
        """A model's score, None before the first."""
        return Operand(code=self.writer.let(f"scores.get({model!r})", "score"))

    # Traits and features

    def field(self, ref: FieldRef) -> Operand:
        """A trait or a feature."""
        if ref.name not in self._fields:
            feature = self.plan.features.get(ref.name)
            if feature is None:
                self._fields[ref.name] = self._trait(self.plan.traits[ref.name])
            elif feature.of_events is not None:
                self._fields[ref.name] = self._of_events(feature)
            else:
                self._fields[ref.name] = self._made(feature)
        return self._fields[ref.name]

    def _trait(self, field: Field) -> Operand:
        value = self.writer.let(f"traits.get({field.name!r})", "trait")
        if field.name != "first_seen_at":
            return Operand(code=value)
        later = self.writer.let(f"{value} if {value} is not None and {value} > now else {NEVER}")
        known = self.writer.let(f"None if {later} != {NEVER} else {value}", "trait")
        return Operand(code=known, until=later)

    def _made(self, feature: FeatureDef) -> Operand:
        if feature.value is None:
            raise AssertionError("a feature made from others has an expression")
        value = write(feature.value, self.writer, self.names, follow_time=self.follow_time)
        value = replace(value, code=self.writer.let(value.code, "feature"))
        if not isinstance(feature.written, BucketFeature):
            return value
        untils = [value.until]
        eligible = f"{value.code} is not None"
        if feature.condition is not None:
            condition = write(
                feature.condition, self.writer, self.names, follow_time=self.follow_time
            )
            eligible += f" and {condition.code} is True"
            untils.append(condition.until)
        place = self.writer.constant(_bucket_of(feature, self.cuts), "bucket")
        found = self.writer.let(f"{place}({value.code}) if {eligible} else None", "feature")
        return Operand(code=found, until=self._earliest(untils))

    def _earliest(self, untils: Sequence[str | None]) -> str | None:
        known = list(dict.fromkeys(until for until in untils if until is not None))
        if len(known) < 2:
            return known[0] if known else None
        return self.writer.let(f"min({', '.join(known)})", "until")

    # Features of events

    def _of_events(self, feature: FeatureDef) -> Operand:
        number = self._group_of[feature.name]
        match feature.written:
            case PointsFeature():
                return self._points(feature, feature.written, number)
            case SequenceFeature():
                return self._sequence(feature, feature.written, number)
            case AggregateFeature() as how if how.function == "streak":
                found, until = self.writer.fresh("feature"), self.writer.fresh("until")
                function = self.call(values.streak)
                self.writer.line(
                    f"{found}, {until} = {function}({self._at(number)}, now, zone, {how.period!r})"
                )
                return Operand(code=found, nullable=False, until=until)
            case AggregateFeature() as how if how.window == Window() and how.function in RUNNING:
                return self._running(feature, how, number)
            case AggregateFeature() as how:
                return self._windowed(feature, how, number)
        raise AssertionError("not a feature of events")

    def _record(self, number: int) -> str:
        name = f"record_{number}"
        if number not in self.used:
            self.used.append(number)
            self.writer.line(f"{name} = records[{len(self.used) - 1}]")
            self.writer.line(f"facts_{number} = {name}.facts")
            self.writer.line(f"at_{number} = facts_{number}.at")
            self.writer.line(f"kept_{number} = len(at_{number})")
        return name

    def _at(self, number: int) -> str:
        """The instants of a group's facts."""
        self._record(number)
        return f"at_{number}"

    def _facts(self, number: int) -> str:
        self._record(number)
        return f"facts_{number}"

    def _count(self, number: int) -> str:
        """How many facts of a group are kept."""
        self._record(number)
        return f"kept_{number}"

    def call(self, function: Callable[..., Any]) -> str:
        """A name for one of the functions of `values.py`."""
        name = f"_{function.__name__}"
        self.writer.constants[name] = function
        return name

    def _start(self, number: int, window: int | None, newest: int | None) -> str:
        """The index of the first fact inside a window."""
        key = (number, window, newest or 0)
        if key not in self._starts:
            at, count = self._at(number), self._count(number)
            start = "0"
            if window is not None:
                bisect = self.call(bisect_right)
                start = self.writer.let(f"{bisect}({at}, now - {window * SECOND})", "start")
            if newest is not None:
                start = self.writer.let(
                    f"{count} - {newest} if {count} - {newest} > {start} else {start}", "start"
                )
            self._starts[key] = start
        return self._starts[key]

    def _expiry(self, number: int, start: str, window: int | None) -> str | None:
        """When the oldest fact leaves a window."""
        if window is None or not self.follow_time:
            return None
        key = (number, start, window)
        if key not in self._expiries:
            at, count = self._at(number), self._count(number)
            self._expiries[key] = self.writer.let(
                f"{at}[{start}] + {window * SECOND} if {start} < {count} else {NEVER}", "until"
            )
        return self._expiries[key]

    def _running(self, feature: FeatureDef, how: AggregateFeature, number: int) -> Operand:
        wanted = running(feature)
        slot = self.groups[number].total_at(wanted)
        totals = f"{self._record(number)}.totals"
        here, after = f"{totals}[{slot}]", f"{totals}[{slot + 1}]"
        match how.function:
            case "count":
                return self._counted(feature, here, here, None)
            case "exists":
                return self._counted(feature, here, f"{here} > 0", None)
            case "sum":
                code = f"{here} / 1e6 if {after} else None"
            case "avg":
                code = f"{here} / 1e6 / {after} if {after} else None"
            case "first" | "last" if wanted.total in (Total.FIRST, Total.LAST):
                code = f"{totals}[{slot + 2}]"
            case _:
                code = here
        return self._with_default(feature, code, None)

    def _windowed(self, feature: FeatureDef, how: AggregateFeature, number: int) -> Operand:
        group, facts = self.groups[number], self._facts(number)
        start = self._start(number, how.window.seconds, how.window.newest)
        until = self._expiry(number, start, how.window.seconds)
        wanted = [group.column_at(column) for column in columns(feature)]
        if how.function in ("count", "exists"):
            count = self.writer.let(f"{self._count(number)} - {start}", "count")
            code = count if how.function == "count" else f"{count} > 0"
            return self._counted(feature, count, code, until)
        if not wanted:
            return self._of_instants(feature, how, number, start, until)
        column = f"{facts}.columns[{wanted[0]}]"
        match how.function:
            case "sum" if feature.default == 0.0:
                code = f"{self.call(values.total)}({column}, {start})"
            case "first":
                code = f"{self.call(values.earliest)}({facts}, {wanted[0]}, {start})"
            case "last":
                code = f"{self.call(values.latest)}({facts}, {wanted[0]}, {start})"
            case "mode":
                code = f"{self.call(values.most_frequent)}({facts}, {wanted[0]}, {start})"
            case "top" if len(wanted) == 2:
                code = f"{self.call(values.heaviest)}({facts}, {wanted[0]}, {wanted[1]}, {start})"
            case "top":
                code = f"{self.call(values.most_frequent)}({facts}, {wanted[0]}, {start})"
            case "distinct":
                code = f"{self.call(values.distinct)}({column}, {start})"
                found = self.writer.let(code, "count")
                return self._counted(feature, found, found, until)
            case name:
                code = f"{self.call(_OF_COLUMN[name])}({column}, {start})"
        if feature.type is Type.BOOLEAN:
            value = self.writer.let(code, "feature")
            code = f"None if {value} is None else bool({value})"
        return self._with_default(feature, code, until)

    def _of_instants(
        self, feature: FeatureDef, how: AggregateFeature, number: int, start: str, until: str | None
    ) -> Operand:
        """The first or last instant itself."""
        newest = how.function in ("last", "max")
        index = "-1" if newest else start
        found = self.writer.let(
            f"{self._at(number)}[{index}] if {start} < {self._count(number)} else None", "feature"
        )
        if until is not None and newest and how.window.seconds is not None:
            # It stays until the newest fact itself leaves the window.
            until = self.writer.let(
                f"{NEVER} if {found} is None else {found} + {how.window.seconds * SECOND}", "until"
            )
        return self._with_default(feature, found, until)

    def _with_default(self, feature: FeatureDef, code: str, until: str | None) -> Operand:
        found = self.writer.let(code, "feature")
        if feature.default is None:
            return Operand(code=found, until=until)
        default = self.writer.constant(_live_value(feature.default, feature.type), "default")
        found = self.writer.let(f"{default} if {found} is None else {found}", "feature")
        return Operand(code=found, nullable=False, until=until)

    def _counted(self, feature: FeatureDef, facts: str, code: str, until: str | None) -> Operand:
        """A count of something; its default stands where there is none of it."""
        if feature.default not in (0, False):
            default = self.writer.constant(feature.default, "default")
            code = f"({code}) if {facts} else {default}"
        found = self.writer.let(code, "feature")
        return Operand(code=found, nullable=False, until=until, finite=True)

    def _points(self, feature: FeatureDef, how: PointsFeature, number: int) -> Operand:
        group = self.groups[number]
        half_life = None if how.half_life_seconds is None else how.half_life_seconds * SECOND
        until: str | None = None
        if how.window.seconds is None:
            slot = group.total_at(running(feature))
            total = f"{self._record(number)}.totals[{slot}]"
            if half_life is not None:
                since = f"{self._record(number)}.totals[{slot + 1}]"
                total += f" * 2.0 ** max(({since} - now) / {half_life}, -1000.0)"
        else:
            start = self._start(number, how.window.seconds, None)
            until = self._expiry(number, start, how.window.seconds)
            column = f"{self._facts(number)}.columns[{group.column_at(columns(feature)[0])}]"
            if half_life is None:
                total = f"{self.call(values.score)}({column}, {start})"
            else:
                function = self.call(values.decayed)
                total = f"{function}({column}, {self._at(number)}, {start}, now, {half_life})"
                total += f" if {start} < {self._count(number)} else 0.0"
        raw = self.writer.let(total, "points")
        if half_life is not None:
            # They change all the time. What is asked of them tells when the answer does.
            expiry, until = until, self.writer.let("now + 1", "until")
        rounded = self.writer.runtime("round_number")
        found = self.writer.let(f"{rounded}({raw}, 1e6)", "feature")
        if half_life is not None:
            self._raw_points[feature.name] = (raw, found, expiry)
        return Operand(code=found, nullable=False, until=until, finite=True)

    def _sequence(self, feature: FeatureDef, how: SequenceFeature, number: int) -> Operand:
        column = self.groups[number].column_at(columns(feature)[0])
        steps = values.Steps.of(
            (
                1 << index,
                step.absent,
                None if step.within_seconds is None else step.within_seconds * SECOND,
            )
            for index, step in enumerate(feature.steps)
        )
        window = None if how.window.seconds is None else how.window.seconds * SECOND
        found, until = self.writer.fresh("feature"), self.writer.fresh("until")
        self.writer.line(
            f"{found}, {until} = {self.call(values.completed)}({self._at(number)},"
            f" {self._facts(number)}.columns[{column}], {self.writer.constant(steps, 'steps')},"
            f" now, {window}) if {self._count(number)} else (None, {NEVER})"
        )
        return Operand(code=found, until=until)

    # Comparisons that know more than that a value may change

    def crossing(self, ref: FieldRef, operator: str, number: float) -> str | None:
        """When `feature operator number` may change, for counts and for points that decay."""
        feature = self.plan.features.get(ref.name)
        if feature is None or feature.of_events is None:
            return None
        written = feature.written
        if isinstance(written, PointsFeature) and written.half_life_seconds is not None:
            return self._points_crossing(feature, written, operator, number)
        if isinstance(written, AggregateFeature) and written.function == "count":
            return self._count_crossing(feature, written, operator, number)
        return None

    def _points_crossing(
        self, feature: FeatureDef, how: PointsFeature, operator: str, number: float
    ) -> str:
        self.field(FieldRef(name=feature.name))
        raw, rounded, expiry = self._raw_points[feature.name]
        half_life = (how.half_life_seconds or 0) * SECOND
        code = f"{self.call(values.crossing)}({raw}, {operator!r}, {number!r}, now, {half_life})"
        if operator in (">", "<=", ">=", "<") and number > 0:
            # What is below a positive number already stays there.
            above = f"{rounded} {'>' if operator in ('>', '<=') else '>='} {number!r}"
            code = f"{code} if {above} else {NEVER}"
        crossed = self.writer.let(code, "until")
        return self._earliest([crossed, expiry]) or crossed

    def _count_crossing(
        self, feature: FeatureDef, how: AggregateFeature, operator: str, number: float
    ) -> str | None:
        window, group = how.window.seconds, self._group_of[feature.name]
        if window is None or not math.isfinite(number) or feature.default != 0:
            return None  # with another default, the value does not go down to 0
        count = self.field(FieldRef(name=feature.name)).code
        at = self._at(group)
        if how.window.newest is not None:
            return None
        # Facts leave one by one, the oldest first: the count drops below `least` when the
        # `least`-th newest one leaves.
        if operator in ("=", "<>"):
            if number != int(number) or number < 0:
                return str(NEVER)
            least = f"({int(number)} if {count} == {int(number)} else {int(number) + 1})"
            code = (
                f"{at}[-{least}] + {window * SECOND}"
                f" if {count} >= {int(number)} and {count} > 0 else {NEVER}"
            )
            return self.writer.let(code, "until")
        least_count = math.ceil(number) if operator in (">=", "<") else math.floor(number) + 1
        if least_count <= 0:
            return str(NEVER)
        return self.writer.let(
            f"{at}[-{least_count}] + {window * SECOND} if {count} >= {least_count} else {NEVER}",
            "until",
        )


_OF_COLUMN: dict[str, Callable[..., Any]] = {
    "sum": values.total_or_none,
    "avg": values.mean,
    "min": values.smallest,
    "max": values.largest,
}


def _as_text(operand: Operand, kind: Type) -> str:
    """The value of a family as the text that follows the colon."""
    if kind is Type.TEXT:
        return operand.code
    shown = f"str({operand.code})"
    if kind is Type.BOOLEAN:
        shown = f"('true' if {operand.code} else 'false')"
    return f"None if {operand.code} is None else {shown}" if operand.nullable else shown


def _live_value(value: Any, kind: Type) -> Any:
    """A written value as generated code has it: instants and dates as microseconds."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        return to_micros(value.replace(tzinfo=UTC))
    return float(value) if kind is Type.NUMBER else value


def _bucket_of(feature: FeatureDef, cuts: Cuts) -> Callable[[Any], int | None]:
    """Which bucket a value falls into, by where the buckets began at the latest recomputation."""
    written = feature.written
    places = cuts.get(feature.name, ())
    starts, buckets = [value for value, _ in places], [bucket for _, bucket in places]
    descending = isinstance(written, BucketFeature) and written.descending

    def bucket(value: Any) -> int | None:
        if not starts:
            return None
        if descending:
            return buckets[min(bisect_left(starts, value), len(buckets) - 1)]
        return buckets[max(bisect_right(starts, value) - 1, 0)]

    return bucket

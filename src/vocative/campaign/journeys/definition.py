"""What `journeys/NAME.yaml` says: who enters, the steps, who leaves, what it is for.

A definition comes in, a checked `Journey` goes out: its steps as a graph by id, its conditions as
checked trees, its events as functions. Refused, with file, line and column: unknown kinds and keys,
steps with one id, conditions that are wrong, templates that could not be sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec

from vocative.campaign.definitions import parse_share
from vocative.campaign.journeys.calendar import Every
from vocative.campaign.journeys.matching import EventRule, Matcher, matcher
from vocative.campaign.journeys.steps import KINDS, Step
from vocative.campaign.journeys.steps.base import Written
from vocative.campaign.journeys.steps.wait import micros_of, time_of
from vocative.compose import check_line, load_template
from vocative.decide import Offer
from vocative.errors import AuthorError, unknown_name
from vocative.predict import read_models
from vocative.segment import Plan, build_plan, field_catalog
from vocative.segment.audience import checked_condition
from vocative.segment.plan import base_name
from vocative.sql import Expression, Node, in_document, parse, quote_text
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.settings import convert
from vocative.workspace.yaml_text import YamlPath, YamlText

API_EVENT = "Journey Entry Requested"
"""What the API puts on the log; `journey` and `key` are among its properties."""
InFlight = Literal["finish", "move", "exit"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WAYS = ("event", "segment", "leaves", "date", "api")
_MOST_STEPS = 200


class EnterBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who enters: one of `event`, `segment`, `leaves`, `date` and `api`."""

    event: str | None = None
    where: str | None = None
    """A condition about the event."""
    key: str | None = None
    """An expression about the event: each value is a run of its own."""
    segment: str | None = None
    leaves: str | None = None
    date: str | None = None
    """A trait that is a date, such as a birthday."""
    every: Every = "year"
    days: int = 0
    """So many days after the date; before it when negative."""
    at: str = "09:00"
    """The local time of day of a date."""
    api: bool = False
    when: str | None = None
    """A condition about the person."""
    again: str = "never"
    """`never`, `always`, or how long after the last entry."""
    late: str = "1d"
    """How long after it happened something still brings a person in."""


class ExitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ends a run: an event, or being in a segment."""

    event: str | None = None
    where: str | None = None
    key: str | None = None
    segment: str | None = None


class GoalBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the journey is for; reaching it ends the run."""

    event: str
    where: str | None = None
    key: str | None = None
    within: str = "30d"


class JourneyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys a journey may have."""

    enter: EnterBody
    steps: Written
    exit: list[ExitBody] = []
    goal: GoalBody | None = None
    holdout: str | float = 0.0
    in_flight: InFlight = "finish"
    """What becomes of people who are in an older version when this one starts."""
    describe: str = ""


@dataclass(frozen=True, kw_only=True)
class ExitRule:
    """A checked rule that ends runs."""

    matcher: Matcher | None = None
    segment: str | None = None
    condition: str | None = None
    """Being in the segment, as a condition."""


@dataclass(frozen=True, kw_only=True)
class Journey:
    """One checked version of a journey."""

    name: str
    version: int
    """0: a draft that was never started."""
    body: JourneyBody
    definition: Definition = field(repr=False)
    steps: Mapping[str, Step]
    first: str
    entry: Matcher | None
    """None: no event brings people in."""
    exits: tuple[ExitRule, ...]
    goal: Matcher | None
    goal_micros: int
    holdout: float
    conditions: Mapping[str, Node] = field(repr=False)
    """Everything that must be known of a person, by text."""

    @property
    def goal_words(self) -> str:
        """The goal, for notes."""
        return self.body.goal.event if self.body.goal else ""

    @property
    def events(self) -> set[str]:
        """The names of all events it listens to."""
        found = {rule.matcher.event for rule in self.exits if rule.matcher}
        found |= {one.event for step in self.steps.values() for one in step.matchers.values()}
        found |= {one.event for one in (self.entry, self.goal) if one}
        return found

    @property
    def offers(self) -> list[Offer]:
        """The offers of all its `decide` steps."""
        decides = (step for step in self.steps.values() if step.kind == "decide")
        return [offer for step in decides for offer in step.body.offers]


def read_journey(workspace: Workspace, name: str) -> Journey:
    """The journey of a workspace's folder as it is now, checked; its version is 0.

    Raises:
        UnknownName: there is no such journey, or it names something that does not exist.
        AuthorError: its definition is wrong.
    """
    definitions = workspace.definitions("journey")
    if name not in definitions:
        raise unknown_name("journey", name, definitions)
    return compile_journey(workspace, definitions[name], build_plan(workspace))


def check_definitions(workspace: Workspace) -> None:
    """Check every journey.

    Raises:
        AuthorError: one is wrong.
    """
    plan = build_plan(workspace)
    for definition in workspace.definitions("journey").values():
        compile_journey(workspace, definition, plan)


def kept_definition(name: str, version: int, body: dict[str, Any]) -> Definition:
    """A version that was started, as the store keeps it."""
    text = YamlText(body, f"journeys/{name}.yaml, version {version}", "", {})
    return Definition("journey", name, body, text)


def compile_journey(
    workspace: Workspace, definition: Definition, plan: Plan, *, version: int = 0
) -> Journey:
    """Check a journey and make it ready for stepping.

    Args:
        workspace: Whose.
        definition: As it is written, or kept.
        plan: The workspace's features and segments.
        version: Of one that was started. Its templates were checked then.

    Raises:
        AuthorError: something in it is wrong.
    """
    return _Compiler(workspace, definition, plan, version).journey()


class _Compiler:
    """Reads one definition."""

    def __init__(
        self, workspace: Workspace, definition: Definition, plan: Plan, version: int
    ) -> None:
        self.workspace = workspace
        self.definition = definition
        self.plan = plan
        self.version = version
        self.conditions: dict[str, Node] = {}
        self.steps: dict[str, Step] = {}
        self.counted: dict[str, int] = {}

    def journey(self) -> Journey:
        definition = self.definition
        if not _NAME.fullmatch(definition.name):
            raise AuthorError(
                f"the journey name {definition.name!r} is not a plain lower-case word",
                where=definition.text.file,
                hint="use letters, digits and _",
            )
        body = convert(definition.text, (), definition.body, JourneyBody)
        if not body.steps:
            raise self.wrong("a journey needs a step", ("steps",))
        entry = self._entry(body.enter)
        exits = tuple(self._exit(rule, ("exit", i)) for i, rule in enumerate(body.exit))
        goal, goal_micros = self._goal(body.goal)
        first = self.flatten(body.steps, ("steps",), None)
        return Journey(
            name=definition.name,
            version=self.version,
            body=body,
            definition=definition,
            steps=self.steps,
            first=str(first),
            entry=entry,
            exits=exits,
            goal=goal,
            goal_micros=goal_micros,
            holdout=parse_share(definition, body.holdout, "holdout"),
            conditions=self.conditions,
        )

    # Parts

    def _entry(self, rule: EnterBody) -> Matcher | None:
        ways = [way for way in _WAYS if getattr(rule, way)]
        if len(ways) != 1:
            raise self.wrong(
                f"a journey is entered in one way, not in {len(ways)}",
                ("enter",),
                hint=f"write one of {', '.join(_WAYS)}",
            )
        if rule.when is not None:
            self.condition(rule.when, ("enter", "when"))
        if rule.again not in ("never", "always"):
            self.length(rule.again, ("enter", "again"))
        self.length(rule.late, ("enter", "late"))
        if ways[0] not in ("event", "api"):
            self._refuse_event_keys(rule)
        if rule.api:
            ours = f"properties.journey = {quote_text(self.definition.name)}"
            where = f"{ours} and ({rule.where})" if rule.where else ours
            key = rule.key or "properties.key"
            return matcher(API_EVENT, parse(where), parse(key))
        if rule.event is not None:
            meant = EventRule(event=rule.event, where=rule.where, key=rule.key)
            return self.matcher(meant, ("enter",))
        if rule.date is not None:
            self._check_date(rule)
        else:
            self._segment(rule.segment or rule.leaves or "", ("enter", ways[0]))
        return None

    def _refuse_event_keys(self, rule: EnterBody) -> None:
        for name in ("where", "key"):
            if getattr(rule, name) is not None:
                hint = "a condition about the person is when:" if name == "where" else None
                raise self.wrong(f"{name}: is about an event", ("enter", name), hint=hint)

    def _check_date(self, rule: EnterBody) -> None:
        trait = self.workspace.traits.get(str(rule.date))
        dates = [name for name, one in self.workspace.traits.items() if one.type == "date"]
        if trait is None or trait.type != "date":
            place = self.definition.where("enter", "date")
            raise unknown_name("trait that is a date", str(rule.date), dates, where=place)
        if trait.personal:
            raise self.wrong(
                f"{rule.date} is personal: it lies in the vault, where nobody can be looked for",
                ("enter", "date"),
                hint="keep month and day as a trait that is not personal",
            )
        if time_of(rule.at) is None:
            raise self.wrong("this is no time of day", ("enter", "at"), hint='write "09:00"')
        if not -366 <= rule.days <= 366:
            raise self.wrong("days must be from -366 to 366", ("enter", "days"))

    def _exit(self, rule: ExitBody, path: YamlPath) -> ExitRule:
        if (rule.event is None) == (rule.segment is None):
            raise self.wrong("an exit rule has either event: or segment:", path)
        if rule.event is not None:
            meant = EventRule(event=rule.event, where=rule.where, key=rule.key)
            return ExitRule(matcher=self.matcher(meant, path))
        segment = str(rule.segment)
        self._segment(segment, (*path, "segment"))
        condition = f"in_segment({quote_text(segment)})"
        self.condition(condition, (*path, "segment"))
        return ExitRule(segment=segment, condition=condition)

    def _goal(self, goal: GoalBody | None) -> tuple[Matcher | None, int]:
        if goal is None:
            return None, 0
        self.length(goal.within, ("goal", "within"))
        meant = EventRule(event=goal.event, where=goal.where, key=goal.key)
        return self.matcher(meant, ("goal",)), micros_of(goal.within)

    def _segment(self, name: str, path: YamlPath) -> None:
        if base_name(name) not in self.plan.segments:
            place = self.definition.where(*path)
            raise unknown_name("segment", name, self.plan.segments, where=place)

    # Steps

    def flatten(self, written: Written, path: YamlPath, after: str | None) -> str | None:
        """Add steps in their order; the id of the first, or `after` when there are none."""
        named = [self._named(one, (*path, index)) for index, one in enumerate(written)]
        followers = [*(one.id for one in named[1:]), after]
        for index, (one, follower) in enumerate(zip(named, followers, strict=False)):
            self._add(one, (*path, index, one.kind), follower)
        return named[0].id if named else after

    def _named(self, written: dict[str, Any], path: YamlPath) -> "_Named":
        kinds = [key for key in written if key != "id"]
        if len(kinds) != 1:
            raise self.wrong("a step is of one kind", path, hint=f"one of {', '.join(KINDS)}")
        name = kinds[0]
        if name not in KINDS:
            place = self.definition.where(*path, name, "@key")
            raise unknown_name("kind of step", name, KINDS, where=place)
        kind = KINDS[name]
        value, is_short = _long_form(kind.short, written[name])
        body = convert(self.definition.text, (*path, name), value, kind.Body)
        step_id = written.get("id")
        if step_id is None:
            self.counted[name] = self.counted.get(name, 0) + 1
            step_id = f"{name}_{self.counted[name]}"
        if not isinstance(step_id, str) or not _NAME.fullmatch(step_id):
            raise self.wrong("an id is a plain lower-case word", (*path, "id"))
        if step_id in self.steps or len(self.steps) >= _MOST_STEPS:
            raise self.wrong(
                f"two steps have the id {step_id!r}, or there are more than {_MOST_STEPS}", path
            )
        # Kept at once, so that a step within it cannot take the id.
        self.steps[step_id] = Step(
            id=step_id, kind=name, body=body, next=None, arms={}, matchers={}
        )
        return _Named(step_id, name, body, kind.short if is_short else None)

    def _add(self, named: "_Named", path: YamlPath, follower: str | None) -> None:
        kind = KINDS[named.kind]
        author = _StepAuthor(self, path, named.short)
        kind.check(named.body, author)
        arms = {
            arm: self.flatten(steps, author.path(*place), follower)
            for arm, (steps, place) in kind.arms(named.body).items()
        }
        self.steps[named.id] = Step(
            id=named.id,
            kind=named.kind,
            body=named.body,
            next=follower,
            arms=arms,
            matchers=author.matchers,
        )

    # What may be written

    def condition(self, text: str, path: YamlPath) -> None:
        self.conditions[text] = checked_condition(self.plan, text, self._place(text, path))

    def matcher(self, rule: EventRule, path: YamlPath) -> Matcher:
        return matcher(
            rule.event,
            self._parsed(rule.where, (*path, "where")),
            self._parsed(rule.key, (*path, "key")),
        )

    def length(self, written: str, path: YamlPath) -> int:
        seconds = seconds_of(written)
        if seconds is None:
            raise self.wrong(f"{written!r} is no length of time", path, hint="write 30min or 2d")
        return seconds * 1_000_000

    def wrong(self, message: str, path: YamlPath, *, hint: str | None = None) -> AuthorError:
        return AuthorError(message, where=self.definition.where(*path), hint=hint)

    def _parsed(self, text: str | None, path: YamlPath) -> Expression | None:
        return None if text is None else parse(text, self._place(text, path))

    def _place(self, text: str, path: YamlPath) -> Any:
        return in_document(
            text,
            file=self.definition.text.file,
            document=self.definition.text.text,
            start=self.definition.where(*path),
        )


class _Named(NamedTuple):
    """A step as it is written."""

    id: str
    kind: str
    body: Any
    short: str | None
    """The field that was left out, because a plain value stands for the body."""


class _StepAuthor:
    """Takes what one step needs to know."""

    def __init__(self, compiler: _Compiler, path: YamlPath, short: str | None) -> None:
        self.workspace = compiler.workspace
        self.matchers: dict[str, Matcher] = {}
        self._compiler = compiler
        self._path = path
        self._short = short

    def path(self, *within: str | int) -> YamlPath:
        """Where a part of the body stands."""
        if self._short is not None and within[:1] == (self._short,):
            within = within[1:]
        return (*self._path, *within)

    def condition(self, text: str, *path: str | int) -> None:
        self._compiler.condition(text, self.path(*path))

    def listen(self, name: str, rule: EventRule, *path: str | int) -> None:
        self.matchers[name] = self._compiler.matcher(rule, self.path(*path))

    def length(self, written: str, *path: str | int) -> int:
        return self._compiler.length(written, self.path(*path))

    def template(self, name: str, subject: str | None, *path: str | int) -> None:
        if self._compiler.version:
            return
        definition = self._compiler.definition
        templates = self.workspace.definitions("template")
        if name not in templates:
            place = definition.where(*self.path(*path))
            raise unknown_name("template", name, templates, where=place)
        load_template(self.workspace, name)
        if subject is None:
            return
        place = definition.where(*self.path("subject"))
        for finding in check_line(subject, field_catalog(self.workspace), where=place):
            if finding.severity == "error":
                raise finding.as_error()

    def recommender(self, name: str, *path: str | int) -> None:
        models = read_models(self.workspace).items()
        known = [model for model, found in models if found.kind == "recommender"]
        if name not in known:
            place = self._compiler.definition.where(*self.path(*path))
            raise unknown_name("recommender", name, known, where=place)

    def wrong(self, message: str, *path: str | int, hint: str | None = None) -> AuthorError:
        return self._compiler.wrong(message, self.path(*path), hint=hint)


_HOLDS_A_MAPPING = ("arms", "traits")
"""Fields that hold a mapping themselves: `split: {a: …}` is short for `split: {arms: {a: …}}`."""


def _long_form(short: str | None, value: Any) -> tuple[Any, bool]:
    """The body of a step, and whether a plain value stood for it."""
    if value is None:
        return {}, False
    is_body = isinstance(value, dict) and (short not in _HOLDS_A_MAPPING or short in value)
    return (value, False) if is_body or short is None else ({short: value}, True)

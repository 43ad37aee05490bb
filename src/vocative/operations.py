"""Everything Vocative can be asked to do, in one table.

The command line, the REST API, its OpenAPI description and the reference pages derive from it.
A function takes the open workspace first and keyword arguments after it; its signature and its
docstring say the rest. Nothing is imported until an operation is used.
"""

import importlib
import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

Role = Literal["viewer", "marketer", "analyst", "developer", "admin"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument of an operation."""

    name: str
    type: Any
    """The annotation without `| None`."""
    required: bool
    default: Any
    help: str

    @property
    def is_list(self) -> bool:
        """Whether it takes several texts."""
        plain = typing.get_args(self.type)[0] if typing.get_origin(self.type) is Annotated else None
        return list[str] in (self.type, plain)


@dataclass(frozen=True)
class Operation:
    """One row of the table."""

    name: str
    """The words on the command line."""
    function: str
    """`module:function`."""
    summary: str
    role: Role = "viewer"
    route: str | None = None
    """`METHOD /path`, below /api; None keeps it off the network."""
    arguments: tuple[str, ...] = ()
    """Parameters that stand without a flag on the command line."""
    show: str | None = None
    """`module:function` that prints the result for a person; plain JSON without one."""
    command: bool = True
    """Whether the command line has it."""
    needs_workspace: bool = True
    status: int = 200
    """What its route answers with when it succeeds."""

    @cached_property
    def call(self) -> Callable[..., Any]:
        """The function itself."""
        module, _, attribute = self.function.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
        return found

    @cached_property
    def parameters(self) -> list[Parameter]:
        """What it takes, from its signature, without what is handed in."""
        hints = _hints(self.call)
        told = _argument_help(inspect.getdoc(self.call) or "")
        found = []
        for name, parameter in inspect.signature(self.call).parameters.items():
            if name in _HANDED_IN:
                continue
            missing = parameter.default is inspect.Parameter.empty
            found.append(
                Parameter(
                    name=name,
                    type=_without_none(hints[name]),
                    required=missing,
                    default=None if missing else parameter.default,
                    help=told.get(name, ""),
                )
            )
        return found

    @cached_property
    def returns(self) -> Any:
        """The type of the result."""
        return _hints(self.call).get("return")

    @property
    def takes_progress(self) -> bool:
        """Whether it reports progress while it works."""
        return "progress" in inspect.signature(self.call).parameters

    @property
    def can_stop(self) -> bool:
        """Whether it can be asked to stop at a safe point."""
        return "stop" in inspect.signature(self.call).parameters


_HANDED_IN = ("workspace", "progress", "stop")


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    # A stage may import Workspace for type checkers only.
    return typing.get_type_hints(function, localns={"Workspace": object}, include_extras=True)


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        rest = [part for part in typing.get_args(hint) if part is not types.NoneType]
        return rest[0] if len(rest) == 1 else hint
    return hint


def _argument_help(docstring: str) -> dict[str, str]:
    """The sentences of a Google-style `Args:` section, by name."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", docstring, flags=re.MULTILINE)
    if section is None:
        return {}
    found: dict[str, str] = {}
    current = ""
    for line in inspect.cleandoc(section.group(1)).splitlines():
        start = re.match(r"(\w+): (.*)", line)
        if start:
            current = start.group(1)
            found[current] = start.group(2)
        elif current:
            found[current] += " " + line.strip()
    return found


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "init",
            "vocative.cli.start:init",
            "Make a workspace folder with starter definitions.",
            role="developer",
            arguments=("folder",),
            show="vocative.cli.show:show_init",
            needs_workspace=False,
        ),
        Operation(
            "demo",
            "vocative.cli.demo:demo",
            "Run the whole job on a made-up store and say where to look.",
            role="developer",
            needs_workspace=False,
            show="vocative.cli.show:show_nothing",
        ),
        Operation(
            "serve",
            "vocative.cli.serve:serve",
            "Serve the web app, the API and tracking links.",
            role="developer",
            show="vocative.cli.show:show_nothing",
        ),
        Operation(
            "import",
            "vocative.cli.data:import_data",
            "Take in a file; every row is used or rejected for a reason.",
            role="developer",
            arguments=("file",),
            show="vocative.cli.show:show_import",
        ),
        Operation(
            "imports",
            "vocative.cli.data:list_imports",
            "What was imported, and what became of every row.",
            route="GET /imports",
            show="vocative.cli.show:show_imports",
        ),
        Operation(
            "source list",
            "vocative.collect.sourcing.listing:list_sources",
            "Where events come from, how far each source is, and what became of them.",
            role="developer",
            route="GET /sources",
            show="vocative.cli.show_sources:show_sources",
        ),
        Operation(
            "source show",
            "vocative.collect.sourcing.listing:show_source",
            "One source: how far each of its streams is, and what became of its events.",
            role="developer",
            route="GET /sources/{name}",
            arguments=("name",),
            show="vocative.cli.show_sources:show_source",
        ),
        Operation(
            "source kinds",
            "vocative.collect.sourcing.listing:list_kinds",
            "Every kind of source, and whether it can be used here.",
            role="developer",
            route="GET /source-kinds",
            show="vocative.cli.show_sources:show_kinds",
            needs_workspace=False,
        ),
        Operation(
            "source pull",
            "vocative.cli.sourcing:pull",
            "Ask a source for what is new, and apply it.",
            role="developer",
            arguments=("name",),
            show="vocative.cli.show_sources:show_pull",
        ),
        Operation(
            "source ask",
            "vocative.collect.sourcing.runs:ask_for_pull",
            "Ask for a pull of a source; `vocative serve` does it.",
            role="developer",
            route="POST /sources/{name}/pull",
            command=False,
            status=202,
        ),
        Operation(
            "source run",
            "vocative.collect.sourcing.runs:show_run",
            "How far a pull is that was asked for.",
            role="developer",
            route="GET /source-runs/{run}",
            command=False,
        ),
        Operation(
            "destination list",
            "vocative.deliver.syncing.listing:list_destinations",
            "Where what is known of people goes, and how far each destination is.",
            role="developer",
            route="GET /destinations",
            show="vocative.cli.show_destinations:show_destinations",
        ),
        Operation(
            "destination status",
            "vocative.deliver.syncing.listing:destination_status",
            "One destination: how far it is, and whom it did not take and why.",
            role="developer",
            route="GET /destinations/{name}",
            arguments=("name",),
            show="vocative.cli.show_destinations:show_status",
        ),
        Operation(
            "destination kinds",
            "vocative.deliver.syncing.listing:list_kinds",
            "Every kind of destination, and whether it can be used here.",
            role="developer",
            route="GET /destination-kinds",
            show="vocative.cli.show_destinations:show_kinds",
            needs_workspace=False,
        ),
        Operation(
            "destination check",
            "vocative.deliver.syncing.asked:check_destination",
            "Ask a destination whether it lets us in and has what its definition names.",
            role="developer",
            route="POST /destinations/{name}/check",
            arguments=("name",),
            show="vocative.cli.show_destinations:show_checked",
        ),
        Operation(
            "destination sync",
            "vocative.deliver.syncing.asked:sync",
            "Tell a destination now what it does not know yet.",
            role="developer",
            arguments=("name",),
            show="vocative.cli.show_destinations:show_sync",
        ),
        Operation(
            "destination ask",
            "vocative.deliver.syncing.asked:ask_for_sync",
            "Ask for a sync of a destination; `vocative serve` does it.",
            role="developer",
            route="POST /destinations/{name}/sync",
            command=False,
            status=202,
        ),
        Operation(
            "source remap",
            "vocative.collect.sourcing.remapping:map_again",
            "Map what a source's mapping had no use for again, once it is mended.",
            role="developer",
            route="POST /sources/{name}/remap",
            arguments=("name",),
            show="vocative.cli.show_sources:show_remapped",
        ),
        Operation(
            "source mapping",
            "vocative.server.mappings:show_mapping",
            "The mapping of a webhook, and its latest payloads.",
            role="developer",
            route="GET /sources/{name}/mapping",
            command=False,
        ),
        Operation(
            "source preview",
            "vocative.server.mappings:preview_mapping",
            "What a mapping would make of a payload; nothing is kept.",
            role="developer",
            route="POST /sources/{name}/mapping/preview",
            command=False,
        ),
        Operation(
            "source save",
            "vocative.server.mappings:save_mapping",
            "Write a mapping's file, if it is right and nobody else wrote it meanwhile.",
            role="developer",
            route="POST /sources/{name}/mapping",
            command=False,
        ),
        Operation(
            "source link",
            "vocative.collect.tracking:make_link",
            "Make a link that tells that somebody followed it, and leads on.",
            role="marketer",
            route="POST /sources/{source}/links",
            arguments=("source", "to"),
            show="vocative.cli.show_sources:show_link",
        ),
        Operation(
            "source new",
            "vocative.collect.sourcing.starters:new_source",
            "Make a source: clients that send events, or a system that is asked for them.",
            role="developer",
            arguments=("name",),
            show="vocative.cli.show_sources:show_new_source",
        ),
        Operation(
            "quality",
            "vocative.collect.quality.report:quality",
            "How fresh and complete each source is, what is off its plan, and what is alarming.",
            route="GET /quality",
            show="vocative.cli.show_quality:show_quality",
        ),
        Operation(
            "watch",
            "vocative.collect.quality.alerts:watch",
            "Look now for sources that sent too little, too much or nothing.",
            role="developer",
            route="POST /quality/watch",
            show="vocative.cli.show_quality:show_watched",
        ),
        Operation(
            "plan infer",
            "vocative.collect.quality.inferring:infer_plan",
            "Make a first tracking plan from events that have come in.",
            role="developer",
            show="vocative.cli.show_quality:show_inferred",
        ),
        Operation(
            "plan check",
            "vocative.collect.quality.trying:try_plan",
            "Try a tracking plan on events that have come in; nothing is changed.",
            role="developer",
            arguments=("file",),
            show="vocative.cli.show_quality:show_tried",
        ),
        Operation(
            "reconciliation list",
            "vocative.collect.quality.reconciling:list_reconciliations",
            "Sources that can be compared.",
            route="GET /reconciliations",
            show="vocative.cli.show_quality:show_reconciliations",
        ),
        Operation(
            "reconciliation show",
            "vocative.collect.quality.reconciling:reconcile",
            "Compare two sources day by day, with what they tell differently.",
            route="GET /reconciliations/{name}",
            arguments=("name",),
            show="vocative.cli.show_quality:show_reconciled",
        ),
        Operation(
            "reconciliation export",
            "vocative.collect.quality.reconciling:export_differing",
            "Write everything that two sources tell differently to a CSV file.",
            arguments=("name", "file"),
            show="vocative.cli.show_quality:show_exported",
        ),
        Operation(
            "event rejected",
            "vocative.identify.retrying:list_rejected",
            "Events that could not be used, or were not wanted, with their reasons.",
            role="developer",
            route="GET /events/rejected",
            show="vocative.cli.show_quality:show_rejected",
        ),
        Operation(
            "event retry",
            "vocative.cli.events:retry_events",
            "Apply rejected events that can be used now.",
            role="developer",
            route="POST /events/rejected/retry",
            show="vocative.cli.show_quality:show_retried",
        ),
        Operation(
            "form list",
            "vocative.server.forms:list_forms",
            "Forms, and what people did with them.",
            role="marketer",
            route="GET /forms",
            show="vocative.cli.show_forms:show_forms",
        ),
        Operation(
            "form show",
            "vocative.server.forms:show_form",
            "One form: how far people come in it, and how to embed it.",
            role="marketer",
            route="GET /forms/{name}",
            arguments=("name",),
            show="vocative.cli.show_forms:show_form",
        ),
        Operation(
            "form submissions",
            "vocative.server.forms:list_submissions",
            "What was sent, and what is kept aside; the read is audited.",
            role="marketer",
            route="GET /forms/{name}/submissions",
            arguments=("name",),
            show="vocative.cli.show_forms:show_submissions",
        ),
        Operation(
            "form answers",
            "vocative.server.forms:show_answers",
            "Everything that was answered in one submission; the read is audited.",
            role="marketer",
            route="GET /submissions/{submission}",
            arguments=("submission",),
            show="vocative.cli.show_forms:show_answers",
        ),
        Operation(
            "form release",
            "vocative.collect.forms.held:release_submission",
            "Take in a submission that was kept aside.",
            role="marketer",
            route="POST /submissions/{submission}/release",
            arguments=("submission",),
            show="vocative.cli.show_forms:show_decided",
        ),
        Operation(
            "form discard",
            "vocative.collect.forms.held:discard_submission",
            "Forget a submission that was kept aside.",
            role="marketer",
            route="POST /submissions/{submission}/discard",
            arguments=("submission",),
            show="vocative.cli.show_forms:show_decided",
        ),
        Operation(
            "form confirmations",
            "vocative.deliver.opt_in:send_confirmations",
            "Send the mails of double opt-in that wait; the worker does so by itself.",
            role="marketer",
            show="vocative.cli.show_forms:show_sent",
        ),
        Operation(
            "stream status",
            "vocative.collect.streaming:stream_status",
            "How far the stream in front of the log is taken in.",
            role="developer",
            route="GET /stream",
            show="vocative.cli.show_stream:show_status",
        ),
        Operation(
            "stream dead-letters",
            "vocative.collect.streaming:dead_letters",
            "Records of the stream that were no events, with their reasons.",
            role="developer",
            route="GET /stream/dead-letters",
            show="vocative.cli.show_stream:show_dead_letters",
        ),
        Operation(
            "stream retry",
            "vocative.collect.streaming:retry_dead_letters",
            "Take in the dead letters that are events now.",
            role="developer",
            route="POST /stream/dead-letters/retry",
            show="vocative.cli.show_stream:show_retried",
        ),
        Operation(
            "stream discard",
            "vocative.collect.streaming:discard_dead_letters",
            "Forget dead letters for good.",
            role="developer",
            arguments=("until",),
            show="vocative.cli.show_stream:show_discarded",
        ),
        Operation(
            "stream replay",
            "vocative.collect.streaming:rewind_stream",
            "Read the stream again, from an instant or from its beginning.",
            role="developer",
            show="vocative.cli.show_stream:show_rewound",
        ),
        Operation(
            "convert",
            "vocative.compose.converting:convert",
            "Take templates of another system in: Mailchimp, Klaviyo, Braze and others.",
            role="developer",
            arguments=("files",),
            show="vocative.cli.show_conversions:show_conversions",
        ),
        Operation(
            "check",
            "vocative.cli.definitions:check_workspace",
            "Check every definition and template without changing anything.",
            route="GET /check",
            show="vocative.cli.show:show_check",
        ),
        Operation(
            "diff",
            "vocative.cli.definitions:diff",
            "What differs between the folder and what was last applied.",
            route="GET /definitions/diff",
            show="vocative.cli.show:show_diff",
        ),
        Operation(
            "apply",
            "vocative.cli.definitions:apply",
            "Check the definitions, record a revision of each that changed, recompute segments.",
            role="developer",
            show="vocative.cli.show:show_diff",
        ),
        Operation(
            "export",
            "vocative.cli.definitions:export",
            "Write the applied definitions to a folder.",
            role="developer",
            arguments=("folder",),
            show="vocative.cli.show:show_export",
        ),
        Operation(
            "overview",
            "vocative.server.overview:overview",
            "Key numbers, alerts and recent campaigns.",
            route="GET /overview",
            show="vocative.cli.show:show_overview",
        ),
        Operation(
            "person list",
            "vocative.server.people:list_people",
            "People, by search or segment.",
            route="GET /people",
            show="vocative.cli.show:show_people",
        ),
        Operation(
            "person show",
            "vocative.server.person:show_person",
            "Everything known about one person.",
            route="GET /people/{person_id}",
            arguments=("person_id",),
            show="vocative.cli.show_person:show_person",
        ),
        Operation(
            "person separate",
            "vocative.server.separations:separate_person",
            "Take a profile out of the person whom it was merged into.",
            role="marketer",
            route="POST /people/{person_id}/separate",
            arguments=("person_id",),
            show="vocative.cli.show_person:show_separated",
        ),
        Operation(
            "person timeline",
            "vocative.server.person:timeline",
            "What a person did, newest first.",
            route="GET /people/{person_id}/timeline",
            arguments=("person_id",),
            show="vocative.cli.show:show_timeline",
        ),
        Operation(
            "profile",
            "vocative.decide:read_profile",
            "What decisions rest on: a person's traits, segments and scores now.",
            route="POST /profile",
        ),
        Operation(
            "match find",
            "vocative.server.matches:find_matches",
            "Compare everybody, and put into the review queue who may be one person.",
            role="developer",
            show="vocative.cli.show_matches:show_found",
        ),
        Operation(
            "match list",
            "vocative.server.matches:list_matches",
            "Pairs of people who may be one, the most probable first.",
            role="marketer",
            route="GET /matches",
            show="vocative.cli.show_matches:show_page",
        ),
        Operation(
            "match thresholds",
            "vocative.server.matches:match_thresholds",
            "What to expect of accepting every pair from a probability on.",
            role="marketer",
            route="GET /matches/thresholds",
            show="vocative.cli.show_matches:show_thresholds",
        ),
        Operation(
            "match show",
            "vocative.server.matches:show_match",
            "One pair side by side; the read is audited.",
            role="marketer",
            route="GET /matches/{match_id}",
            arguments=("match_id",),
            show="vocative.cli.show_matches:show_detail",
        ),
        Operation(
            "match accept",
            "vocative.server.matches:accept_match",
            "Say that a pair is one person.",
            role="marketer",
            route="POST /matches/{match_id}/accept",
            arguments=("match_id",),
            show="vocative.cli.show_matches:show_row",
        ),
        Operation(
            "match reject",
            "vocative.server.matches:reject_match",
            "Say that a pair is two people.",
            role="marketer",
            route="POST /matches/{match_id}/reject",
            arguments=("match_id",),
            show="vocative.cli.show_matches:show_row",
        ),
        Operation(
            "match reopen",
            "vocative.server.matches:reopen_match",
            "Take a rejection back.",
            role="marketer",
            route="POST /matches/{match_id}/reopen",
            arguments=("match_id",),
            show="vocative.cli.show_matches:show_row",
        ),
        Operation(
            "match undo",
            "vocative.server.separations:undo_match",
            "Take back that a pair is one person.",
            role="marketer",
            route="POST /matches/{match_id}/undo",
            arguments=("match_id",),
            show="vocative.cli.show_person:show_separated",
        ),
        Operation(
            "match accept-all",
            "vocative.server.matches:accept_matches",
            "Accept every pair from a probability on, where it chains no strangers.",
            role="admin",
            route="POST /matches/accept",
            show="vocative.cli.show_matches:show_accepted",
        ),
        Operation(
            "explain",
            "vocative.campaign.explain:explain",
            "Why a person got a campaign's mail, or did not.",
            route="GET /people/{person}/explain",
            arguments=("person",),
            show="vocative.cli.show:show_explain",
        ),
        Operation(
            "segment list",
            "vocative.segment:list_segments",
            "Segments with their sizes.",
            route="GET /segments",
            show="vocative.cli.show:show_segments",
        ),
        Operation(
            "segment show",
            "vocative.server.segments:show_segment",
            "One segment: definition, size over time, sample people, SQL.",
            route="GET /segments/{name}",
            arguments=("name",),
        ),
        Operation(
            "segment preview",
            "vocative.server.segments:preview_segment",
            "How many people an expression selects, without saving it.",
            route="POST /segments/preview",
            arguments=("where",),
            show="vocative.cli.show:show_preview",
        ),
        Operation(
            "segment overlap",
            "vocative.segment:overlap",
            "How many people are in several segments at once.",
            route="GET /overlap",
            arguments=("segments",),
            show="vocative.cli.show_segments:show_overlap",
        ),
        Operation(
            "segment growth",
            "vocative.segment:growth",
            "Who entered and left a segment, day by day.",
            route="GET /segments/{name}/growth",
            arguments=("name",),
            show="vocative.cli.show_segments:show_growth",
        ),
        Operation(
            "segment history",
            "vocative.server.segments:segment_history",
            "When a person was in which segment.",
            route="GET /people/{person}/memberships",
            arguments=("person",),
            show="vocative.cli.show_segments:show_history",
        ),
        Operation(
            "segment changes",
            "vocative.segment:membership_changes",
            "Who entered and left segments, in the order in which it was noted.",
            route="GET /changes",
            show="vocative.cli.show_segments:show_changes",
        ),
        Operation(
            "segment plan",
            "vocative.segment:segment_plan",
            "The whole query that finds a segment's people.",
            route="GET /segments/{name}/plan",
            arguments=("name",),
            show="vocative.cli.show_segments:show_plan",
        ),
        Operation(
            "segment recompute",
            "vocative.segment:recompute",
            "Compute features and memberships for now.",
            role="marketer",
            route="POST /segments/recompute",
            show="vocative.cli.show:show_recompute",
        ),
        Operation(
            "feature list",
            "vocative.segment:list_features",
            "Features with their definitions.",
            route="GET /features",
            show="vocative.cli.show:show_features",
        ),
        Operation(
            "feature plan",
            "vocative.segment:feature_plan",
            "The whole query that computes a feature.",
            route="GET /features/{name}/plan",
            arguments=("name",),
            show="vocative.cli.show_segments:show_plan",
        ),
        Operation(
            "journey ready",
            "vocative.campaign.ready:list_ready",
            "Ready journeys, and which of them the workspace has.",
            route="GET /ready-journeys",
            show="vocative.cli.show_ready:show_ready",
        ),
        Operation(
            "journey add",
            "vocative.campaign.ready:add_ready",
            "Copy a ready journey, with its templates, into the workspace's folders.",
            role="marketer",
            route="POST /ready-journeys/{name}",
            arguments=("name",),
            show="vocative.cli.show_ready:show_added",
            status=201,
        ),
        Operation(
            "journey replay",
            "vocative.campaign.replay:replay_journey",
            "Who would have got what: a journey over the last days of events, sending nothing.",
            role="analyst",
            route="GET /journeys/{journey}/replay",
            arguments=("journey",),
            show="vocative.cli.show_replay:show_replay",
        ),
        Operation(
            "packs list",
            "vocative.segment:list_packs",
            "Ready features and segments that can be added.",
            route="GET /packs",
            show="vocative.cli.show_segments:show_packs",
        ),
        Operation(
            "packs show",
            "vocative.segment:show_pack",
            "What a pack defines, and its files.",
            route="GET /packs/{name}",
            arguments=("name",),
            show="vocative.cli.show_segments:show_pack",
        ),
        Operation(
            "packs add",
            "vocative.segment:add_pack",
            "Copy a pack's definitions into the workspace's folders.",
            role="developer",
            route="POST /packs/{name}",
            arguments=("name",),
            show="vocative.cli.show_segments:show_added",
        ),
        Operation(
            "train",
            "vocative.predict:train",
            "Train a model and write its card.",
            role="analyst",
            arguments=("name",),
            show="vocative.cli.show:show_model",
        ),
        Operation(
            "score",
            "vocative.predict:score",
            "Score the people of a model's population.",
            role="analyst",
            arguments=("name",),
            show="vocative.cli.show:show_scored",
        ),
        Operation(
            "recommend",
            "vocative.predict:recommend",
            "Make everyone's recommendations.",
            role="analyst",
            arguments=("name",),
            show="vocative.cli.show:show_recommended",
        ),
        Operation(
            "model list",
            "vocative.predict:list_models",
            "Models and recommenders with their state.",
            route="GET /models",
            show="vocative.cli.show:show_models",
        ),
        Operation(
            "model show",
            "vocative.predict:show_model",
            "A model's card.",
            route="GET /models/{name}",
            arguments=("name",),
            show="vocative.cli.show:show_model",
        ),
        Operation(
            "template list",
            "vocative.campaign.preview:list_templates",
            "Templates, with their languages.",
            route="GET /templates",
            show="vocative.cli.show_templates:show_templates",
        ),
        Operation(
            "template preview",
            "vocative.campaign.preview:preview_template",
            "Render a template for one person, for nobody, or with made-up data.",
            route="GET /templates/{template}/preview",
            arguments=("template",),
            show="vocative.cli.show_templates:show_preview",
        ),
        Operation(
            "template versions",
            "vocative.compose.kept:list_versions",
            "Every state of a template that was applied or sent.",
            route="GET /templates/{template}/versions",
            arguments=("template",),
            show="vocative.cli.show_templates:show_versions",
        ),
        Operation(
            "template diff",
            "vocative.campaign.preview:diff_template",
            "What changed between two versions of a template.",
            route="GET /templates/{template}/diff",
            arguments=("template", "old", "new"),
            show="vocative.cli.show_templates:show_difference",
        ),
        Operation(
            "template text",
            "vocative.compose.plain_file:derive_text",
            "Show or write the plain text that is made from a template's HTML.",
            role="marketer",
            arguments=("template",),
            show="vocative.cli.show_templates:show_text",
        ),
        Operation(
            "campaign list",
            "vocative.campaign:list_campaigns",
            "Campaigns with their state.",
            route="GET /campaigns",
            show="vocative.cli.show:show_campaigns",
        ),
        Operation(
            "campaign preflight",
            "vocative.campaign.preflight:preflight",
            "Render what a campaign would send, send nothing, and tell what to look at.",
            role="marketer",
            route="POST /campaigns/{campaign}/preflight",
            arguments=("campaign",),
            show="vocative.cli.show_preflight:show_preflight",
        ),
        Operation(
            "campaign send",
            "vocative.campaign:send",
            "Plan a campaign's messages and deliver them; resumes where it stopped.",
            role="marketer",
            arguments=("campaign",),
            show="vocative.cli.show:show_send",
        ),
        Operation(
            "campaign reach",
            "vocative.campaign.reach:reach",
            "How many people a campaign would reach now, and why not the others.",
            route="GET /campaigns/{campaign}/reach",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_reach",
        ),
        Operation(
            "campaign runs",
            "vocative.campaign.progress:campaign_runs",
            "How far the runs of a campaign are.",
            route="GET /campaigns/{campaign}/runs",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_runs",
        ),
        Operation(
            "campaign schedule",
            "vocative.campaign.steering:schedule",
            "Have the server send a campaign, now or later.",
            role="marketer",
            route="POST /campaigns/{campaign}/schedule",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign again",
            "vocative.campaign.steering:send_again",
            "Send once more to those who did not open or click.",
            role="marketer",
            route="POST /campaigns/{campaign}/again",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign approve",
            "vocative.campaign.steering:approve",
            "Let a run go to more people than it may without.",
            role="admin",
            route="POST /campaigns/{campaign}/approve",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign pause",
            "vocative.campaign.steering:pause",
            "Stop a run after the message in flight.",
            role="marketer",
            route="POST /campaigns/{campaign}/pause",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign resume",
            "vocative.campaign.steering:resume",
            "Let a run go on.",
            role="marketer",
            route="POST /campaigns/{campaign}/resume",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign cancel",
            "vocative.campaign.steering:cancel",
            "Give a run up for good.",
            role="marketer",
            route="POST /campaigns/{campaign}/cancel",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign retry",
            "vocative.campaign.steering:retry",
            "Try messages again that failed.",
            role="marketer",
            route="POST /campaigns/{campaign}/retry",
            arguments=("campaign",),
            show="vocative.cli.show_campaigns:show_run",
        ),
        Operation(
            "campaign halt",
            "vocative.campaign.halting:halt",
            "The kill switch: send nothing of a campaign, or nothing at all.",
            role="marketer",
            route="POST /halt",
            show="vocative.cli.show_campaigns:show_halts",
        ),
        Operation(
            "campaign unhalt",
            "vocative.campaign.halting:unhalt",
            "Take a halt back.",
            role="marketer",
            route="POST /unhalt",
            show="vocative.cli.show_campaigns:show_halts",
        ),
        Operation(
            "campaign halts",
            "vocative.campaign.halting:list_halts",
            "What must not be sent now.",
            route="GET /halts",
            show="vocative.cli.show_campaigns:show_halts",
        ),
        Operation(
            "campaign messages",
            "vocative.server.messages:list_messages",
            "A campaign's messages with their state.",
            route="GET /campaigns/{campaign}/messages",
            arguments=("campaign",),
            show="vocative.cli.show:show_messages",
        ),
        Operation(
            "journey list",
            "vocative.campaign.journeys.showing:list_journeys",
            "Journeys with their state and how many people are in them.",
            route="GET /journeys",
            show="vocative.cli.show_journeys:show_journeys",
        ),
        Operation(
            "journey show",
            "vocative.campaign.journeys.showing:show_journey",
            "One journey: its steps, and how many people are at each.",
            route="GET /journeys/{journey}",
            arguments=("journey",),
            show="vocative.cli.show_journeys:show_journey",
        ),
        Operation(
            "journey check",
            "vocative.campaign.journeys.showing:check_journey",
            "Check a journey's file; nothing is started.",
            arguments=("journey",),
            show="vocative.cli.show_journeys:show_checked",
        ),
        Operation(
            "journey start",
            "vocative.campaign.journeys.versions:start",
            "Start a journey as its file says it, or let a paused one go on.",
            role="marketer",
            route="POST /journeys/{journey}/start",
            arguments=("journey",),
            show="vocative.cli.show_journeys:show_started",
        ),
        Operation(
            "journey pause",
            "vocative.campaign.journeys.versions:pause",
            "Let nobody enter a journey and nobody go on in it.",
            role="marketer",
            route="POST /journeys/{journey}/pause",
            arguments=("journey",),
            show="vocative.cli.show_journeys:show_paused",
        ),
        Operation(
            "journey runs",
            "vocative.campaign.journeys.showing:list_runs",
            "People's ways through a journey, the latest to enter first.",
            route="GET /journeys/{journey}/runs",
            arguments=("journey",),
            show="vocative.cli.show_journeys:show_runs",
        ),
        Operation(
            "journey explain",
            "vocative.campaign.journeys.showing:explain_journey",
            "Every step that a person went through in a journey, with the values it saw.",
            route="GET /journeys/{journey}/people/{person}",
            arguments=("person", "journey"),
            show="vocative.cli.show_journeys:show_explained",
        ),
        Operation(
            "journey enter",
            "vocative.campaign.journeys.showing:request_entry",
            "Ask that somebody enters a journey that is entered by request.",
            role="developer",
            route="POST /journeys/{journey}/entries",
            arguments=("journey", "person"),
            show="vocative.cli.show_journeys:show_entry",
            status=202,
        ),
        Operation(
            "journey advance",
            "vocative.campaign.journeys.showing:advance_journeys",
            "Take everybody in every journey as far as they go now; the server does it by itself.",
            role="marketer",
            show="vocative.cli.show_journeys:show_advance",
        ),
        Operation(
            "message show",
            "vocative.server.messages:show_message",
            "One message as it was sent, and why.",
            route="GET /messages/{message_id}",
            arguments=("message_id",),
            show="vocative.cli.show:show_message",
        ),
        Operation(
            "report",
            "vocative.measure:report",
            "What a campaign changed: delivery, responses, A/B, lift over the holdout.",
            route="GET /campaigns/{campaign}/report",
            arguments=("campaign",),
            show="vocative.cli.show:show_report",
        ),
        Operation(
            "feedback collect",
            "vocative.deliver.feedback.mailbox:collect_returned",
            "Read the mails that came back, and leave addresses alone that are gone.",
            role="developer",
            show="vocative.cli.show_feedback:show_collected",
        ),
        Operation(
            "feedback judge",
            "vocative.deliver.feedback.judging_again:judge_visits",
            "Judge who made visits, people or machines; --again also those judged before.",
            role="analyst",
            show="vocative.cli.show_feedback:show_judged",
        ),
        Operation(
            "suppression list",
            "vocative.deliver.suppressing:list_suppressions",
            "Which addresses are left alone, since when, until when, and why.",
            route="GET /suppressions",
            show="vocative.cli.show_feedback:show_suppressions",
        ),
        Operation(
            "suppression add",
            "vocative.deliver.suppressing:add_suppression",
            "Leave an address alone, for good or for some days.",
            role="marketer",
            route="POST /suppressions",
            arguments=("address",),
            show="vocative.cli.show_feedback:show_suppression_change",
        ),
        Operation(
            "suppression remove",
            "vocative.deliver.suppressing:remove_suppression",
            "Write to an address again: take back why it is left alone.",
            role="admin",
            route="POST /suppressions/remove",
            arguments=("address",),
            show="vocative.cli.show_feedback:show_suppression_change",
        ),
        Operation(
            "plugins",
            "vocative.cli.plugins:plugins",
            "Every plug-in there is, by kind.",
            route="GET /plugins",
            show="vocative.cli.show:show_plugins",
            needs_workspace=False,
        ),
        Operation(
            "doctor",
            "vocative.cli.doctor:doctor",
            "Check the workspace's files, store and keys, or what the DNS says of its domain.",
            role="developer",
            arguments=("part",),
            show="vocative.cli.show:show_doctor",
        ),
        Operation(
            "openapi",
            "vocative.server.openapi:describe",
            "The API's OpenAPI description.",
            needs_workspace=False,
        ),
        Operation(
            "bench",
            "vocative.cli.bench:bench",
            "Run a benchmark and print its figures.",
            role="developer",
            arguments=("name",),
            needs_workspace=False,
        ),
    )
}

"""Everything that has a name is in the documentation, on the page where one would look for it."""

import inspect
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest
from pages import ROOT, missing

import vocative
from vocative import errors
from vocative.campaign.definitions import CampaignBody
from vocative.campaign.journeys.definition import JourneyBody
from vocative.campaign.journeys.steps import KINDS as STEPS
from vocative.cli.bench import bench
from vocative.cli.plugins import kinds
from vocative.collect.forms.definition import FormBody
from vocative.collect.mapping import Mapping
from vocative.collect.quality.expectations import ExpectationBody
from vocative.collect.quality.plan import PlanBody, Property
from vocative.collect.quality.reconciliation import ReconciliationBody
from vocative.collect.sources import SOURCES
from vocative.collect.sourcing.definitions import SourceBody
from vocative.deliver import ledger
from vocative.deliver.channels import CHANNELS
from vocative.errors import AuthorError
from vocative.operations import OPERATIONS
from vocative.predict.definitions import PropensityBody, RecommenderBody
from vocative.privacy.permit import REFUSALS
from vocative.segment.definitions import FeatureBody, SegmentBody
from vocative.segment.packs import PACKS
from vocative.stores.schema import metadata
from vocative.streams.outside import STREAMS
from vocative.workspace import KINDS
from vocative.workspace.settings import Settings, Trait
from vocative.workspace.yaml_text import read_yaml


def keys(kind: type[msgspec.Struct], prefix: str = "") -> set[str]:
    """The keys that a struct reads, nested ones as `outer.inner`; names of one's own as `NAME`."""
    found = set()
    for field in msgspec.structs.fields(kind):
        name = f"{prefix}{field.encode_name}"
        found.add(name)
        for inner in _structs(field.type):
            named = "NAME." if "dict" in str(field.type) else ""
            found |= keys(inner, f"{name}.{named}")
    return found


def _structs(hint: object) -> list[type[msgspec.Struct]]:
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [found for part in getattr(hint, "__args__", ()) for found in _structs(part)]


def test_every_command_is_in_the_list_of_commands() -> None:
    commands = {f"vocative {o.name}" for o in OPERATIONS.values() if o.command}
    assert missing(commands, "commands.md") == []


def test_every_route_is_in_the_description_of_the_api() -> None:
    routes = set()
    for operation in OPERATIONS.values():
        if operation.route:
            method, _, path = operation.route.partition(" ")
            routes.add(f"{method} /api{path}")
    assert missing(routes, "api.md") == []


def test_every_setting_is_explained() -> None:
    assert missing(keys(Settings), "configuration.md") == []
    assert missing(keys(Trait), "configuration.md") == []


def test_every_environment_variable_is_explained() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    named = {
        name
        for path in [*sources, ROOT / ".ci" / "run"]
        for name in re.findall(r"\bVOCATIVE_[A-Z][A-Z_]*\b", path.read_text(encoding="utf-8"))
        if path != Path(__file__)
    }
    assert missing(named, "configuration.md", "../CONTRIBUTING.md") == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (FeatureBody, "features-and-segments.md"),
        (SegmentBody, "features-and-segments.md"),
        (PropensityBody, "models.md"),
        (RecommenderBody, "models.md"),
        (CampaignBody, "campaigns.md"),
        (FormBody, "forms.md"),
        (Mapping, "importing.md"),
        (Property, "quality.md"),
        (ExpectationBody, "quality.md"),
        (ReconciliationBody, "quality.md"),
        (SourceBody, "sources.md"),
        (SOURCES.load("tracking").Options, "tracking.md"),
    ],
)
def test_every_key_of_a_definition_is_explained(body: type[msgspec.Struct], place: str) -> None:
    assert missing(keys(body), place) == []


def test_every_key_of_a_journey_is_explained() -> None:
    named = {key.rpartition(".")[2] for key in keys(JourneyBody)}
    for kind in STEPS.values():
        named |= {kind.name, *(key.rpartition(".")[2] for key in keys(kind.Body))}
    assert missing(named, "journeys.md") == []


def test_every_key_of_a_tracking_plan_is_explained() -> None:
    named = {key for key in keys(PlanBody) if not re.search(r"(properties|traits)\.NAME\.", key)}
    assert missing(named, "quality.md") == []


def test_every_kind_of_definition_has_its_folder_explained() -> None:
    assert missing({f"{kind.folder}/" for kind in KINDS.values()}, "configuration.md") == []


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_every_plugin_has_a_place(kind: object) -> None:
    assert missing(set(kind.names()), f"plugins/{kind.name}.md") == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CHANNELS.names())
def test_every_setting_of_a_channel_is_explained(name: str) -> None:
    assert missing(keys(CHANNELS.load(name).Settings), "plugins/channels.md") == []


@pytest.mark.parametrize("name", STREAMS.names())
def test_every_setting_of_a_stream_is_explained(name: str) -> None:
    try:
        settings = STREAMS.load(name).Settings
    except AuthorError as lacks:
        pytest.skip(lacks.message)
    assert missing(keys(settings), "plugins/streams.md") == []


@pytest.mark.parametrize("name", SOURCES.names())
def test_every_option_of_a_source_is_explained(name: str) -> None:
    place = "tracking.md" if name == "tracking" else f"sources/{name}.md"
    fields = msgspec.structs.fields(SOURCES.load(name).Options)
    assert missing({field.encode_name for field in fields}, place) == []


def test_every_error_is_explained() -> None:
    classes = [
        member
        for _, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.VocativeError)
    ]
    assert missing({member.__name__ for member in classes}, "errors.md") == []
    wire = {member.kind for member in _all_errors() if member.kind != "error"}
    assert missing(wire, "errors.md") == []


def _all_errors() -> set[type[errors.VocativeError]]:
    found, left = set(), [errors.VocativeError]
    while left:
        one = left.pop()
        found.add(one)
        left += one.__subclasses__()
    return {one for one in found if one.__module__.startswith("vocative.")}


def test_every_reason_to_refuse_contact_is_explained() -> None:
    assert missing(set(REFUSALS), "privacy.md") == []


def test_every_state_of_a_message_is_explained() -> None:
    assert missing(set(ledger.State.__args__), "delivery.md") == []


def test_every_pack_says_what_it_finds() -> None:
    packs = sorted(path.parent for path in PACKS.glob("*/pack.yaml"))
    segments = {name for pack in packs for name in read_yaml(pack / "segments.yaml").value}
    assert missing({*(pack.name for pack in packs), *segments}, "packs.md") == []


def test_every_table_has_a_place() -> None:
    assert missing(set(metadata.tables), "architecture.md") == []


def test_every_package_is_on_the_map() -> None:
    folders = {
        f"{module.name}/" for module in pkgutil.iter_modules(vocative.__path__) if module.ispkg
    }
    assert missing(folders, "architecture.md") == []


def test_every_benchmark_says_what_it_measures() -> None:
    assert (
        missing({f"vocative bench {name}" for name in bench()["benchmarks"]}, "benchmarks.md") == []
    )

"""Trained versions on disk and in the store.

`.vocative/models/<name>/<version>/` holds `model.json`, `card.json` and `card.md`. The row in
the table `models` is what makes a version count: it carries the card, and with it the SHA-256 of
`model.json`, so that a file that was changed afterwards is refused. No pickle anywhere.
"""

import hashlib
import re
from datetime import datetime
from pathlib import Path

import msgspec

from vocative.clock import to_micros
from vocative.errors import DataError, StateError
from vocative.predict.card import ModelCard, Status, card_markdown
from vocative.predict.definitions import MODELS
from vocative.predict.models.base import Model
from vocative.stores import Transaction
from vocative.workspace import Workspace

MOST_BYTES = 128_000_000
_VERSION = re.compile(r"[0-9a-z-]{1,64}")


class StoredModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A propensity model as `model.json` holds it.

    `offset` is added to the log-odds: it moves the average to the latest known base rate.
    """

    algorithm: str
    features: tuple[str, ...]
    offset: float
    state: msgspec.Raw


def sha256(raw: bytes) -> str:
    """The checksum that a card carries."""
    return hashlib.sha256(raw).hexdigest()


def version_of(as_of: datetime, raw: bytes) -> str:
    """Day of the data and content: the same training gives the same version."""
    return f"{as_of:%Y%m%d}-{sha256(raw)[:8]}"


def save_version(workspace: Workspace, card: ModelCard, raw: bytes, *, at: datetime) -> None:
    """Write the files of a version, then make it count; a champion retires the one before."""
    folder = version_folder(workspace, card.model, card.version)
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(card), indent=2)
    for name, content in (
        ("model.json", raw),
        ("card.json", encoded + b"\n"),
        ("card.md", card_markdown(card).encode()),
    ):
        partial = folder / f"{name}.partial"
        partial.write_bytes(content)
        partial.replace(folder / name)
    with workspace.store.transaction() as tx:
        if card.status == "champion":
            tx.run(
                "UPDATE models SET status = 'retired'"
                " WHERE model = :model AND status = 'champion' AND version <> :version",
                {"model": card.model, "version": card.version},
            )
        tx.run(
            "INSERT INTO models (model, version, status, trained_at, card)"
            " VALUES (:model, :version, :status, :trained_at, :card)"
            " ON CONFLICT (model, version) DO UPDATE SET"
            " status = excluded.status, trained_at = excluded.trained_at, card = excluded.card",
            {
                "model": card.model,
                "version": card.version,
                "status": card.status,
                "trained_at": to_micros(at),
                "card": msgspec.json.encode(card).decode(),
            },
        )


def version_folder(workspace: Workspace, name: str, version: str) -> Path:
    """Where a version's files are.

    Raises:
        DataError: the version is not one that Vocative wrote.
    """
    if not _VERSION.fullmatch(version):
        raise DataError(f"{version!r} is not a version of a model")
    return workspace.state_dir / "models" / name / version


def find_card(
    tx: Transaction, name: str, *, version: str | None = None, status: Status | None = None
) -> ModelCard | None:
    """The newest card of a model, or that of one version or status."""
    row = tx.row(
        "SELECT card, status FROM models WHERE model = :model"
        " AND (CAST(:version AS TEXT) IS NULL OR version = :version)"
        " AND (CAST(:status AS TEXT) IS NULL OR status = :status)"
        " ORDER BY trained_at DESC, version DESC LIMIT 1",
        {"model": name, "version": version, "status": status},
    )
    if row is None:
        return None
    card = msgspec.json.decode(row["card"], type=ModelCard)
    return msgspec.structs.replace(card, status=row["status"])


def champion(workspace: Workspace, name: str) -> ModelCard:
    """The card of the version in use.

    Raises:
        StateError: the model has never been trained, or never with enough data.
    """
    with workspace.store.read() as tx:
        found = find_card(tx, name, status="champion")
        newest = found or find_card(tx, name)
    if found is not None:
        return found
    if newest is not None:
        raise StateError(
            f"the model {name!r} could not be trained: {'; '.join(newest.missing)}",
            hint="collect or import more events, then train it again",
        )
    raise StateError(
        f"the model {name!r} is not trained yet", hint=f"run `vocative train {name}` first"
    )


def read_artifact(workspace: Workspace, card: ModelCard) -> bytes:
    """The bytes of a version's `model.json`, as they were written.

    Raises:
        DataError: the file is missing, too large or was changed since.
    """
    path = version_folder(workspace, card.model, card.version) / "model.json"
    shown = f"models/{card.model}/{card.version}/model.json"
    again = f"run `vocative train {card.model}`"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError("this model file is too large", where=shown, hint=again)
        raw = path.read_bytes()
    except OSError as error:
        raise DataError("the model's file cannot be read", where=shown, hint=again) from error
    if sha256(raw) != card.artifact_sha256:
        raise DataError("the model's file was changed after training", where=shown, hint=again)
    return raw


def load_model(raw: bytes) -> tuple[StoredModel, Model]:
    """A propensity model from its bytes, checked.

    Raises:
        DataError: the bytes are not such a model or do not hold together.
    """
    try:
        stored = msgspec.json.decode(raw, type=StoredModel)
    except msgspec.MsgspecError as error:
        raise DataError(f"this is not a stored model: {error}", hint="train it again") from error
    if stored.algorithm not in MODELS.names():
        raise DataError(f"the stored model is of an unknown kind {stored.algorithm!r}")
    if not abs(stored.offset) < 50:
        raise DataError("the stored model's offset is not usable")
    return stored, MODELS.load(stored.algorithm).load(bytes(stored.state))


def dump_model(model: Model, *, algorithm: str, features: tuple[str, ...], offset: float) -> bytes:
    """A propensity model as bytes."""
    return msgspec.json.encode(
        StoredModel(
            algorithm=algorithm,
            features=features,
            offset=offset,
            state=msgspec.Raw(model.dump()),
        )
    )

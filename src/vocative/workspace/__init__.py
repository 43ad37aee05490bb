"""A workspace: one tenant's folder of definitions, its state and its keys."""

from vocative.workspace.definitions import KINDS, Definition, DefinitionKind, Definitions
from vocative.workspace.settings import Purpose, Sender, Settings, Trait, secret
from vocative.workspace.workspace import Workspace, prepare_state

__all__ = [
    "KINDS",
    "Definition",
    "DefinitionKind",
    "Definitions",
    "Purpose",
    "Sender",
    "Settings",
    "Trait",
    "Workspace",
    "prepare_state",
    "secret",
]

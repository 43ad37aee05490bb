"""Definitions of sources as their files say them."""

from typing import Any

import pytest
import yaml

from vocative.collect.sourcing.definitions import SourceDefinition, find_source
from vocative.errors import AuthorError
from vocative.workspace import Workspace


def defined(workspace: Workspace, **stated: Any) -> SourceDefinition:
    """The source `crm` of a workspace; what is None is left out."""
    path = workspace.root / "sources" / "crm.yaml"
    path.parent.mkdir(exist_ok=True)
    body = {name: value for name, value in stated.items() if value is not None}
    path.write_text(yaml.safe_dump(body, sort_keys=False))
    return find_source(workspace, "crm")


def refusal(workspace: Workspace, **stated: Any) -> AuthorError:
    """Why such a definition is refused: with its place, and what next."""
    with pytest.raises(AuthorError) as refused:
        defined(workspace, **stated)
    assert refused.value.where is not None
    assert refused.value.hint
    return refused.value

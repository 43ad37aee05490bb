"""Templates and data for the compose stage."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mails import data, layout

import vocative.workspace
from vocative.compose import Rendered, TemplateSource, compile_template
from vocative.sql import Field, Type
from vocative.workspace import Workspace

STARTER = Path(vocative.workspace.__file__).parent / "starter"


@pytest.fixture
def starter(workspace: Workspace) -> Workspace:
    """A workspace that has the starter's templates."""
    shutil.copytree(STARTER / "templates", workspace.root / "templates")
    return workspace


@pytest.fixture
def catalog() -> dict[str, Field]:
    """What is known of people here; only the spend is never missing."""
    return {
        "first_name": Field(name="first_name", kind="trait", type=Type.TEXT, personal=True),
        "country": Field(name="country", kind="trait", type=Type.TEXT),
        "favourite_category": Field(name="favourite_category", kind="feature", type=Type.TEXT),
        "last_order_at": Field(name="last_order_at", kind="feature", type=Type.INSTANT),
        "spend_180d": Field(name="spend_180d", kind="feature", type=Type.NUMBER, nullable=False),
    }


Render = Callable[..., Rendered]


@pytest.fixture
def render() -> Render:
    """Compile sections and render them with the usual data, changed as asked."""

    def rendered(body: str, *, subject: str = "Hello", head: str = "", **more: Any) -> Rendered:
        changes = more.pop("data", {})
        source = TemplateSource.of("t", mjml=layout(body, head), subject=subject, **more)
        return compile_template(source).render(data(**changes))

    return rendered

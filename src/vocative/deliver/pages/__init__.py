"""What a recipient sees behind the links of a mail.

Tokens come in by URL; small pages without JavaScript go out. A GET never changes anything a
person decided: mail scanners follow every link. Forged links are refused.
"""

from starlette.routing import Route

from vocative.deliver.pages.leaving import leaving_routes
from vocative.deliver.pages.preferences import preference_routes
from vocative.deliver.pages.viewing import View, viewing_routes
from vocative.deliver.pages.visits import visit_routes
from vocative.workspace import Workspace

__all__ = ["routes"]


def routes(workspace: Workspace, view: View) -> list[Route]:
    """The routes of recipient pages.

    Args:
        workspace: Whose.
        view: Renders a message again, by its id; None when it cannot be shown any more.
    """
    return [
        *visit_routes(workspace),
        *leaving_routes(workspace),
        *preference_routes(workspace),
        *viewing_routes(workspace, view),
    ]

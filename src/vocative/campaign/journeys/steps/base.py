"""What a kind of step is.

A kind reads its part of the definition, names what it needs to know, and says what a run does when
it comes there. `take` is pure: it looks at the run and the moment and nothing else, so that a
replay over old events does what the live runner did.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import msgspec

from vocative.campaign.journeys.matching import EventRule, Matcher
from vocative.campaign.journeys.run import Moment, Outcome, Run
from vocative.errors import AuthorError
from vocative.workspace import Workspace

Written = list[dict[str, Any]]
"""Steps as they stand in a definition."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a checked journey."""

    id: str
    kind: str
    body: Any
    """Of the kind's own `Body`."""
    next: str | None
    """The step after it; None: the journey ends."""
    arms: Mapping[str, str | None]
    """The first step of each arm; None: the arm is empty, so `next` comes."""
    matchers: Mapping[str, Matcher]
    """What the step listens to, by a name of its kind's choice."""


class Author(Protocol):
    """Who wrote a step: takes what it needs to know, and is told what is wrong with it."""

    workspace: Workspace

    def condition(self, text: str, *path: str | int) -> None:
        """A condition about the person, written at a place of the step.

        Raises:
            AuthorError: it is wrong.
        """

    def listen(self, name: str, rule: EventRule, *path: str | int) -> None:
        """An event to listen to.

        Raises:
            AuthorError: it is wrong.
        """

    def length(self, written: str, *path: str | int) -> int:
        """A length of time in microseconds.

        Raises:
            AuthorError: it is none.
        """

    def template(self, name: str, subject: str | None, *path: str | int) -> None:
        """Refuse a template, or a subject of one's own, that could not be sent.

        Raises:
            AuthorError: it could not.
        """

    def recommender(self, name: str, *path: str | int) -> None:
        """Refuse a name that no recommender has.

        Raises:
            UnknownName: there is none.
        """

    def wrong(self, message: str, *path: str | int, hint: str | None = None) -> AuthorError:
        """An error that points at a place of the step."""


class StepKind(ABC):
    """One kind of step."""

    name: ClassVar[str]
    Body: ClassVar[type[msgspec.Struct]]
    short: ClassVar[str | None] = None
    """The field meant when a plain value stands where the body would."""

    def arms(self, body: Any) -> dict[str, tuple[Written, tuple[str | int, ...]]]:  # noqa: ARG002
        """The steps within the step, by arm, and where each list of them is written."""
        return {}

    def check(self, body: Any, author: Author) -> None:  # noqa: B027 - some need nothing
        """Look whether it can be done, and say what must be known for it.

        Raises:
            AuthorError: it cannot.
        """

    @abstractmethod
    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:
        """What a run does that is at this step."""

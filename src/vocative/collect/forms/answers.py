"""What somebody answered in a step: texts of a browser in, answers and faults out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vocative.collect.forms.definition import Form
from vocative.collect.forms.kinds import KINDS, Answer, Answers, Wrong
from vocative.collect.forms.questions import Question
from vocative.pages.words import word

Posted = Mapping[str, Sequence[str]]
"""What a browser sent, by the name of the question."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The answers of one step."""

    answers: Answers
    faults: Mapping[str, str]
    """By question, in words for whoever answered; in the order of the questions."""


def read_step(form: Form, step: int, posted: Posted, *, before: Answers, language: str) -> Reading:
    """Read the answers of a step.

    Args:
        form: Which.
        step: Its place, from 0.
        posted: What came in.
        before: The answers of the steps before.
        language: For the faults.
    """
    answers: dict[str, Answer] = {}
    faults: dict[str, str] = {}
    for question in form.steps[step].open_questions(before):
        try:
            answer = _read(question, posted.get(question.name, ()), {**before, **answers})
        except Wrong as wrong:
            faults[question.name] = word(wrong.word, language, **wrong.filled)
            continue
        if answer is not None:
            answers[question.name] = answer
    return Reading(answers=answers, faults=faults)


def _read(question: Question, values: Sequence[str], answers: Answers) -> Answer:
    answer = KINDS[question.kind].read(question, values, answers)
    if question.required and (answer is None or answer is False):
        if question.kind == "consent":
            raise Wrong("tick")
        if answer is None:
            raise Wrong("required")
    return answer


def next_step(form: Form, after: int, answers: Answers) -> int | None:
    """The next step that asks something; None when there is none."""
    for place in range(after + 1, len(form.steps)):
        if form.steps[place].open_questions(answers):
            return place
    return None


def previous_step(form: Form, before: int, answers: Answers) -> int | None:
    """The step before that asked something; None when there is none."""
    for place in range(before - 1, -1, -1):
        if form.steps[place].open_questions(answers):
            return place
    return None


def still_asked(form: Form, answers: Answers) -> dict[str, Answer]:
    """The answers to what was asked in the end: who went back may have been led another way."""
    kept: dict[str, Answer] = {}
    for step in form.steps:
        names = [question.name for question in step.open_questions(kept)]
        kept |= {name: answers[name] for name in names if name in answers}
    return kept

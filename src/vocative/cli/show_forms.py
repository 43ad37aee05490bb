"""Forms as a person reads them in a terminal."""

from typing import Any

from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.collect.forms.held import Decided
from vocative.deliver.opt_in import SentConfirmations
from vocative.server.forms import FormSubmissions, ListedForm, ShownForm, SubmittedAnswers


def show_forms(forms: list[ListedForm]) -> None:
    """A line each."""
    if not forms:
        console.print("There is no form yet: write forms/newsletter.yaml, see docs/forms.md.")
        return
    figures = ("shown", "sent", "confirmed", "kept aside")
    table = _table("form", "address", *figures, right=figures)
    for form in forms:
        confirmed = f"{form.confirmed:,}" if form.double_opt_in else "–"
        table.add_row(
            escape(form.name),
            escape(form.address),
            f"{form.views:,}",
            f"{form.submissions:,}",
            confirmed,
            f"{form.held:,}",
        )
    console.print(table)


def show_form(shown: ShownForm) -> None:
    """How far people come, and what to put into a page."""
    form = shown.form
    console.print(f"[bold]{escape(form.title or form.name)}[/] {escape(form.address)}")
    steps = f"{_counted(form.steps, 'step')}, {_counted(form.questions, 'question')}"
    console.print(f"{steps}, version {shown.version}, in {', '.join(shown.languages)}")
    table = _table("", "visits", right=("visits",))
    for step in shown.funnel:
        table.add_row(step.name, f"{step.visits:,}")
    console.print(table)
    if form.held:
        console.print(f"{_counted(form.held, 'submission')} kept aside.")
    console.print("In a page of one of its sites:")
    console.print(escape(f"  {shown.embed}"), soft_wrap=True)
    console.print("Over a page:")
    console.print(escape(f"  {shown.popup}"), soft_wrap=True)


def show_submissions(page: FormSubmissions) -> None:
    """A line each; what is kept aside below."""
    if not page.submissions and not page.held:
        console.print("Nobody has sent it yet.")
        return
    table = _table("sent", "who", "confirmed", "answers", "submission")
    for one in page.submissions:
        table.add_row(
            f"{one.at:%Y-%m-%d %H:%M}",
            escape(one.email or one.person_id or "nobody in particular"),
            "waits" if one.waits else "",
            escape(_answers(one.answers)),
            one.submission,
        )
    console.print(table)
    if page.next:
        console.print(f"More: --before {page.next}")
    for held in page.held:
        console.print(
            escape(f"kept aside {held.held_at:%Y-%m-%d %H:%M} {held.submission}: {held.words}")
        )
    if page.held:
        console.print("vocative form release ID takes one in, vocative form discard ID forgets it.")


def show_answers(found: SubmittedAnswers) -> None:
    """One answer a line."""
    console.print(f"{escape(found.form)}, sent {found.at:%Y-%m-%d %H:%M} UTC")
    table = _table("question", "answer")
    for name, answer in found.answers.items():
        table.add_row(escape(name), escape(_answer(answer)))
    console.print(table)


def show_decided(decided: Decided) -> None:
    """What became of it."""
    console.print(f"{escape(decided.submission)} is {decided.state}.")


def show_sent(sent: SentConfirmations) -> None:
    """What one round did."""
    if not sent.accepted + sent.skipped + sent.deferred + sent.ambiguous + sent.failed:
        console.print("No confirmation waits to be sent.")
        return
    others = ("skipped", "deferred", "ambiguous", "failed")
    told = [f"{count:,} {name}" for name in others if (count := getattr(sent, name))]
    console.print(", ".join([f"{_counted(sent.accepted, 'confirmation')} sent", *told]) + ".")


def _answers(answers: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {_answer(answer)}" for name, answer in answers.items())


def _answer(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, list):
        return ", ".join(str(one) for one in answer)
    return f"{answer:g}" if isinstance(answer, float) else str(answer)

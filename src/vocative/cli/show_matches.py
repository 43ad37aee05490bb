"""The review queue as a person reads it in a terminal."""

from rich.markup import escape

from vocative.cli.show import _counted, _table, console
from vocative.identify.matching import Threshold
from vocative.server.matches import (
    MatchDetail,
    MatchesAccepted,
    MatchesFound,
    MatchPage,
    MatchRow,
)


def show_found(found: MatchesFound) -> None:
    """What was found, and what to expect of it."""
    console.print(
        f"{found.people:,} people, {_counted(found.candidates, 'pair')} to look at,"
        f" about {found.expected_pairs:,.0f} of one person ({found.seconds:.1f} s)."
    )
    if found.candidates:
        show_thresholds(found.thresholds)
        console.print("Next: vocative match list, or vocative match accept-all --above 0.99")


def show_thresholds(lines: list[Threshold]) -> None:
    """What to expect from each probability on."""
    table = _table(
        "from",
        "pairs",
        "expected precision",
        "expected wrong",
        "of the right ones",
        right=("from", "pairs", "expected precision", "expected wrong", "of the right ones"),
    )
    for line in lines:
        table.add_row(
            f"{line.probability:g}",
            f"{line.pairs:,}",
            _share(line.expected_precision),
            f"{line.expected_wrong:,.1f}",
            _share(line.expected_found),
        )
    console.print(table)


def show_page(page: MatchPage) -> None:
    """A page of pairs."""
    for row in page.matches:
        show_row(row)
    console.print(
        _counted(page.total, "pair") + (f"; next: --after {page.next}" if page.next else "")
    )


def show_row(row: MatchRow) -> None:
    """One pair: its id, and why."""
    state = row.state
    if row.decided_at is not None:
        state += f" by {row.decided_by} {row.decided_at:%Y-%m-%d %H:%M} UTC"
    console.print(f"[bold]{row.match_id}[/] {escape(state)}\n  {escape(row.why)}")


def show_detail(detail: MatchDetail) -> None:
    """A pair, side by side."""
    show_row(detail.match)
    table = _table("", detail.match.one, detail.match.other, "")
    for line in detail.compared:
        table.add_row(
            line.what, escape(line.one or "–"), escape(line.other or "–"), f"[dim]{line.said}[/]"
        )
    console.print(table)


def show_accepted(done: MatchesAccepted) -> None:
    """What many acceptances at once did."""
    verb = "would be accepted" if done.dry_run else "accepted"
    console.print(
        f"{_counted(done.accepted, 'pair')} {verb}, about {done.expected_wrong:,.1f} of them wrong"
        f" by the model's own reckoning (expected precision {_share(done.expected_precision)})."
    )
    if done.left_out:
        console.print(
            f"{_counted(done.left_out, 'pair')} left to be looked at one by one: they would chain"
            " people who do not look like one as a whole."
        )


def _share(part: float | None) -> str:
    return "–" if part is None else f"{part:.2%}"

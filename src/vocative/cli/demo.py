"""`vocative demo`: the whole job, on a made-up store whose customers answer.

A synthetic store hands over its files; they are imported, people are known, segments computed,
models trained, a campaign is sent to a folder, the customers open, click, buy and leave, and the
report says what the campaign changed. Everything goes through the doors a real store would use.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from vocative.clock import FixedClock, SystemClock
from vocative.collect.sourcing.listing import list_sources
from vocative.collect.sourcing.starters import new_source
from vocative.errors import StateError
from vocative.workspace import Workspace

CAMPAIGN = "weekly_picks"
SERVED = "http://localhost:8750"
WAIT_DAYS = 8
"""The campaign goes out this many days ago, so that what followed lies in the past."""


def demo(
    *,
    folder: Path = Path("demo"),
    people: int = 20_000,
    months: int = 12,
    seed: int = 7,
    world: str = "medium",
) -> None:
    """Run the whole job on a made-up store and say where to look.

    Args:
        folder: Where to put the store's files and the workspace; made anew.
        people: How many customers the store has.
        months: How long its history is.
        seed: Another seed is another store.
        world: How much people differ: null, weak, medium or strong.
    """
    started = time.perf_counter()
    _clear(folder)
    console = Console(highlight=False)
    end = _launch_day()
    with _Stages(console) as stages:
        store = _make_store(stages, folder / "store", people, months, seed, world, end)
        clock = FixedClock(end)
        root = folder / "workspace"
        _init(root)
        with Workspace(root, clock=clock) as workspace:
            new_source(workspace, "web_shop")
            _take_in(stages, workspace, store)
            _learn(stages, workspace)
            clock.at = end + timedelta(minutes=30)
            _send(stages, workspace)
            _answer(stages, workspace, clock, store, seed, until=end + timedelta(days=WAIT_DAYS))
            clock.at = end + timedelta(days=WAIT_DAYS)
            _compute(stages, workspace, "Computing segments again")
            _tell(console, workspace, folder)
    console.print(f"\n[dim]All this took {time.perf_counter() - started:.0f} s.[/]")


class _Stages:
    """One line per stage, with a bar while it runs and its time when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<44}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> "_Stages":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def stage(self, title: str, total: float | None = None) -> Iterator["_Stage"]:
        """Show a stage while it runs."""
        started = time.perf_counter()
        stage = _Stage(self._bars, self._bars.add_task(title, total=total))
        yield stage
        self._bars.remove_task(stage.task)
        seconds = time.perf_counter() - started
        said = f": {stage.said}" if stage.said else ""
        self._console.print(f"[green]✓[/] {title}{said} [dim]({seconds:.1f} s)[/]")


class _Stage:
    """Progress of one stage; stages of the product report in several ways."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self.task = task
        self.said = ""

    def __call__(self, done: Any, total: Any = None, _: Any = None) -> None:
        """`amount`, `done, total` or `words, share`."""
        if isinstance(done, str):
            if isinstance(total, int | float):
                self._bars.update(self.task, completed=total, total=1.0)
        elif total is None:
            self._bars.advance(self.task, done)
        else:
            self._bars.update(self.task, completed=done, total=total)


def _clear(folder: Path) -> None:
    """Remove an earlier demo, and nothing else."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / "store" / "manifest.json").exists():
        raise StateError(
            "this folder holds something that is no earlier demo",
            where=str(folder),
            hint="choose another with --folder",
        )
    shutil.rmtree(folder)


def _launch_day() -> datetime:
    now = SystemClock().now()
    return now.replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=WAIT_DAYS + 1)


def _make_store(
    stages: _Stages,
    folder: Path,
    people: int,
    months: int,
    seed: int,
    world: str,
    end: datetime,
) -> Any:
    with stages.stage("Making up a store") as stage:
        from vocative.simulate import generate

        made = generate(
            folder, end=end, people=people, months=months, seed=seed, world=world, progress=stage
        )
        stage.said = f"{people:,} customers, {months} months"
    return made


def _init(root: Path) -> None:
    from vocative.cli.start import init

    init(root, name="demo")


def _take_in(stages: _Stages, workspace: Workspace, store: Any) -> None:
    from vocative.cli.data import import_data

    for title, path, mapping in (
        ("Importing the catalog", store.items, "items"),
        ("Importing customers", store.customers, "customers"),
        ("Importing a year of events", store.events, None),
    ):
        with stages.stage(title) as stage:
            report = import_data(
                workspace,
                path,
                mapping=workspace.root / "mappings" / f"{mapping}.yaml" if mapping else None,
                source=None if mapping else "shop",
                progress=stage,
            )
            refused = sum(t.rows for t in report.rejected) + sum(report.refused.values())
            stage.said = (
                f"{report.rows:,} rows, {refused:,} refused, {report.duplicates:,} duplicates"
            )


def _learn(stages: _Stages, workspace: Workspace) -> None:
    with stages.stage("Applying definitions, computing segments") as stage:
        from vocative.cli.definitions import apply

        applied = apply(workspace, progress=stage)
        stage.said = f"{applied.segments} segments of {applied.people:,} people"
    from vocative.predict import headline, recommend, score, train

    with stages.stage("Training: who buys in the next 30 days") as stage:
        card = train(workspace, "purchase_30d", progress=stage)
        stage.said = headline(card)
        score(workspace, "purchase_30d")
    with stages.stage("Training: what to recommend") as stage:
        card = train(workspace, "for_you", progress=stage)
        stage.said = headline(card)
    with stages.stage("Choosing items for everyone") as stage:
        recommend(workspace, "for_you", progress=stage)
    _compute(stages, workspace, "Computing segments with scores")


def _compute(stages: _Stages, workspace: Workspace, title: str) -> None:
    with stages.stage(title) as stage:
        from vocative.segment import recompute

        report = recompute(workspace, progress=stage)
        stage.said = f"{report.entered:,} entered, {report.left:,} left"


def _send(stages: _Stages, workspace: Workspace) -> None:
    with stages.stage(f"Sending {CAMPAIGN}") as stage:
        from vocative.campaign import send

        report = send(workspace, CAMPAIGN, progress=stage)
        accepted = report.counts.get("accepted", 0)
        stage.said = f"{report.planned:,} in the audience, {accepted:,} mails"


def _answer(
    stages: _Stages,
    workspace: Workspace,
    clock: FixedClock,
    store: Any,
    seed: int,
    *,
    until: datetime,
) -> None:
    from vocative.cli.visits import play
    from vocative.collect.door import accept
    from vocative.deliver.feedback import settle
    from vocative.identify.apply import apply_log
    from vocative.server.app import create_app
    from vocative.simulate import answer, parse_mail

    with stages.stage("Customers answer") as stage:
        launched = clock.now()
        mails = [parse_mail(raw) for raw in _outbox(workspace)]
        answers = answer(mails, store.folder, seed=seed, until=until, since=launched)
        total = len(answers.visits)
        done = 0

        def count(_: int) -> None:
            nonlocal done
            done += 1
            if done % 50 == 0:
                stage(done, total)

        play(create_app(workspace), clock, answers.visits, progress=count)
        clock.at = until
        settle(workspace)
        accept(workspace, answers.events, source="shop")
        apply_log(workspace)
        stage.said = f"{total:,} requests, {len(answers.events):,} events"


def _outbox(workspace: Workspace) -> Iterator[bytes]:
    from vocative.deliver.channels import channel_for

    channel: Any = channel_for(workspace, "outbox_folder")
    for path in channel.files():
        yield path.read_bytes()


def _tell(console: Console, workspace: Workspace, folder: Path) -> None:
    from vocative.campaign import explain
    from vocative.measure import report
    from vocative.measure.show import print_report

    console.print()
    print_report(report(workspace, CAMPAIGN), console)
    got, held = _examples(workspace)
    if got:
        console.print("\n[bold]Why somebody got it[/]")
        console.print(f"  {explain(workspace, got, campaign=CAMPAIGN).sentence}")
    if held:
        console.print("[bold]Why somebody did not[/]")
        console.print(f"  {explain(workspace, held, campaign=CAMPAIGN).sentence}")
    flag = (
        f"--workspace {workspace.root.relative_to(Path.cwd())}"
        if workspace.root.is_relative_to(Path.cwd())
        else f"--workspace {workspace.root}"
    )
    console.print("\n[bold]Where to look[/]")
    console.print(
        f"  definitions   {folder}/workspace  (plain text: features, segments, templates)"
    )
    console.print(f"  the mails     {folder}/workspace/.vocative/outbox")
    console.print(f"  model cards   {folder}/workspace/.vocative/models")
    console.print(f"  the truth     {folder}/store/truth  (which the engine never reads)")
    console.print("\n[bold]Try[/]")
    runner = "" if shutil.which("vocative") else ".venv/bin/"
    console.print(f"  {runner}vocative serve {flag}      then open {SERVED}")
    console.print(f"  {runner}vocative explain {got or held} --campaign {CAMPAIGN} {flag}")
    console.print(f"  {runner}vocative report {CAMPAIGN} {flag}")
    (source,) = list_sources(workspace)
    console.print(
        f"  curl -u {source.write_key}: {SERVED}/v1/track"
        """ -d '{"userId": "me", "event": "Hello"}'""",
        soft_wrap=True,
    )


def _examples(workspace: Workspace) -> tuple[str | None, str | None]:
    with workspace.store.read() as tx:
        found = dict(
            tx.tuples(
                "SELECT arm = 'holdout', min(person_id) FROM messages WHERE campaign = :campaign"
                " AND (state = 'accepted' OR arm = 'holdout') GROUP BY 1",
                {"campaign": CAMPAIGN},
            )
        )
    return found.get(0), found.get(1)

"""Draws a world's whole story, step by step.

In: a world and a span. Out: `History`: items, people, accounts, visits, lines, mails, refunds and
the events they leave. Events after `end` belong to the future and stay in the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from vocative.simulate.accounts import Account
from vocative.simulate.baskets import (
    Lines,
    Refunds,
    draw_pace,
    draw_refunds,
    fill_baskets,
    restock_visits,
)
from vocative.simulate.items import Items, make_items
from vocative.simulate.localtime import LocalTime
from vocative.simulate.newsletters import (
    Mails,
    Newsletter,
    Reader,
    plan_issues,
    put_off_sleeping_dogs,
    send_newsletters,
)
from vocative.simulate.people import Choice, People, make_people
from vocative.simulate.telling import Events, Telling, join_events
from vocative.simulate.visits import (
    ORDERED,
    Visits,
    draw_visits,
    strangers,
)
from vocative.simulate.world import (
    DAY_MS,
    FUTURE_DAYS,
    World,
    random_stream,
)

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class History:
    """A world's whole story, past and near future, before it is written down."""

    world: World
    start_ms: int
    end_ms: int
    items: Items
    people: People
    accounts: list[Account]
    issues: list[Newsletter]
    visits: Visits
    lines: Lines
    mails: Mails
    refunds: Refunds
    events: Events


def make_history(
    *,
    world: World,
    people: int,
    seed: int,
    start_ms: int,
    end_ms: int,
    make_accounts: Callable[[People, np.random.Generator], list[Account]],
    progress: Progress,
) -> History:
    """Draw a world's people and everything they do until `FUTURE_DAYS` after `end_ms`."""

    def stream(purpose: str) -> np.random.Generator:
        return random_stream(seed, f"{world.name}/{purpose}")

    stop_ms = end_ms + FUTURE_DAYS * DAY_MS
    local = LocalTime(start_ms - 800 * DAY_MS, stop_ms)
    progress("people", 0.0)
    items = make_items(random_stream(seed, "items"))
    persons = make_people(
        people, items=items, world=world, start_ms=start_ms, end_ms=end_ms, rng=stream("people")
    )
    accounts = make_accounts(persons, random_stream(seed, "accounts"))
    choice = Choice(people=persons, items=items, world=world)
    progress("visits", 0.12)
    visits = draw_visits(
        persons, world=world, local=local, start_ms=start_ms, stop_ms=stop_ms, rng=stream("visits")
    )
    progress("newsletters", 0.14)
    issues = plan_issues(items, start_ms=start_ms, end_ms=end_ms, rng=stream("issues"))
    reader = Reader(people=persons, choice=choice, world=world, local=local)
    mails, caused = send_newsletters(reader, accounts, issues, rng=stream("mails"))
    visits = put_off_sleeping_dogs(visits, mails, persons, world=world, rng=stream("dogs"))
    visits = Visits.join([visits, caused, strangers(visits, stream("strangers"))])
    visits = visits.take((visits.at_ms >= start_ms) & (visits.at_ms < stop_ms))
    progress("baskets", 0.2)
    lines = fill_baskets(visits, choice=choice, end_ms=end_ms, rng=stream("baskets"))
    restocks = restock_visits(
        visits,
        lines,
        people=persons,
        items=items,
        world=world,
        local=local,
        stop_ms=stop_ms,
        rng=stream("restocks"),
    )
    restock_lines = fill_baskets(restocks, choice=choice, end_ms=end_ms, rng=stream("restocked"))
    visits, lines = _append(visits, lines, restocks, restock_lines)
    progress("events", 0.27)
    pace = draw_pace(visits, lines, stream("pace"))
    ordered = np.flatnonzero(visits.outcome == ORDERED)
    refunds = draw_refunds(ordered, pace.ordered_ms[ordered], world=world, rng=stream("refunds"))
    telling = Telling(accounts=accounts, count=people, world=world, rng=stream("identity"))
    events = join_events([telling.of_shop(visits, lines, pace, refunds), telling.of_mail(mails)])
    return History(
        world=world,
        start_ms=start_ms,
        end_ms=end_ms,
        items=items,
        people=persons,
        accounts=accounts,
        issues=issues,
        visits=visits,
        lines=lines,
        mails=mails,
        refunds=refunds,
        events=events.take((events.at_ms >= start_ms) & (events.at_ms < stop_ms)),
    )


def _append(
    visits: Visits, lines: Lines, more_visits: Visits, more_lines: Lines
) -> tuple[Visits, Lines]:
    moved = replace(more_lines, visit=more_lines.visit + len(visits))
    joined_lines = Lines(
        **{
            f.name: np.concatenate([getattr(lines, f.name), getattr(moved, f.name)])
            for f in fields(Lines)
        }
    )
    joined_visits = Visits(
        **{
            f.name: np.concatenate([getattr(visits, f.name), getattr(more_visits, f.name)])
            for f in fields(Visits)
        }
    )
    return joined_visits, joined_lines

"""The worlds look like a shop: bands for what is bought, opened and bought again."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from synthetic_worlds import END, Worlds, at, read_csv, read_events

from vocative.simulate import WorldSummary
from vocative.simulate.words import PLACES

PEOPLE = 1200


def person_of(world: WorldSummary) -> dict[str, int]:
    rows = read_csv(world.truth / "accounts.csv")
    return {row["customer_id"]: int(row["person"]) for row in rows}


def orders_by_person(world: WorldSummary) -> dict[int, list[dict[str, Any]]]:
    who = person_of(world)
    orders = defaultdict(list)
    for event in read_events(world):
        if event.get("event") == "Order Completed":
            orders[who[event["userId"]]].append(event)
    return orders


@pytest.mark.parametrize("seed", [7, 8])
def test_buyers_repeat_and_come_back(worlds: Worlds, seed: int) -> None:
    orders = orders_by_person(worlds("medium", PEOPLE, seed))
    assert 0.53 < len(orders) / PEOPLE < 0.67
    assert 0.44 < sum(len(made) > 1 for made in orders.values()) / len(orders) < 0.62
    for months_ago in (1, 2, 4, 6):
        start = END - timedelta(days=30 * months_ago)
        stop = start + timedelta(days=30)
        buyers = sum(any(start <= at(e) < stop for e in made) for made in orders.values())
        assert 0.08 < buyers / PEOPLE < 0.20


@pytest.mark.parametrize("seed", [7, 8])
def test_mail_of_the_past(worlds: Worlds, seed: int) -> None:
    counted = worlds("medium", PEOPLE, seed).manifest["events"]
    delivered = counted["by_name"]["Email Delivered"]
    human_clicks = counted["by_name"]["Email Link Clicked"] - counted["scanner_clicks"]
    assert 0.18 < counted["human_opens"] / delivered < 0.30
    assert 0.03 < human_clicks / delivered < 0.065
    assert 0.28 < counted["machine_opens"] / delivered < 0.42
    assert 0 < counted["by_name"]["Unsubscribed"] / delivered < 0.008
    assert counted["by_name"]["Email Bounced"] > 0


def test_people_shop_at_their_own_local_hours(worlds: Worlds) -> None:
    world = worlds("medium", PEOPLE)
    who = person_of(world)
    truth = read_csv(world.truth / "people.csv")
    zones = [ZoneInfo(PLACES[int(person["place"])].zone) for person in truth]
    peaks = [float(person["peak_hours"].split()[0]) for person in truth]
    near = far = 0
    for event in read_events(world):
        if event.get("event") == "Order Completed":
            person = who[event["userId"]]
            hour = at(event).astimezone(zones[person]).hour
            away = min(abs(hour - peaks[person]), 24 - abs(hour - peaks[person]))
            near, far = near + (away <= 3), far + (away > 6)
    assert near > 1.4 * far, "a third of the day against nearly half of it"


def taste_and_habit(world: WorldSummary) -> dict[str, float]:
    """Mean recall at 10 of the last 60 days' purchases: four ways to choose what to show."""
    cut = END - timedelta(days=60)
    own: dict[int, Counter[str]] = defaultdict(Counter)
    who = person_of(world)
    departments: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    later: dict[int, set[str]] = defaultdict(set)
    popular: Counter[str] = Counter()
    department_of: dict[str, str] = {}
    for person, made in orders_by_person(world).items():
        for order in made:
            for product in order["properties"]["products"]:
                item, department = product["product_id"], product["category"]
                department_of[item] = department
                if at(order) >= cut:
                    later[person].add(item)
                else:
                    own[person][item] += 1
                    departments[person][department] += 1
                    popular[item] += 1
    for event in read_events(world):
        if event.get("event") == "Product Viewed" and "userId" in event and at(event) < cut:
            departments[who[event["userId"]]][event["properties"]["category"]] += 0.3
    rank_in: dict[str, float] = {}
    for department in set(department_of.values()):
        items = [i for i, _ in popular.most_common() if department_of[i] == department]
        rank_in.update({item: 1 / (1 + n) for n, item in enumerate(items)})
    most = max(popular.values())

    def recall(score: Callable[[int, str], float]) -> float:
        people = [person for person in later if own[person]]
        hits = 0.0
        for person in people:
            top = sorted(popular, key=lambda item: -score(person, item))[:10]
            hits += len(later[person] & set(top)) / len(later[person])
        return hits / len(people)

    def habit(person: int, item: str) -> float:
        return own[person][item] + popular[item] / most / 100

    def taste(person: int, item: str) -> float:
        return (
            departments[person][department_of[item]]
            / sum(departments[person].values())
            * rank_in[item]
        )

    return {
        "popular": recall(lambda _, item: popular[item]),
        "habit": recall(habit),
        "taste": recall(taste),
        "both": recall(lambda person, item: habit(person, item) + 0.9 * taste(person, item)),
    }


def test_taste_and_habit_both_predict_and_together_more(worlds: Worlds) -> None:
    recall = taste_and_habit(worlds("medium", PEOPLE))
    assert recall["habit"] > 1.8 * recall["popular"]
    assert recall["taste"] > 1.3 * recall["popular"]
    assert recall["both"] > max(recall["habit"], recall["taste"])


def test_nothing_is_personal_in_the_null_world(worlds: Worlds) -> None:
    recall = taste_and_habit(worlds("null", PEOPLE))
    assert recall["popular"] > max(recall["habit"], recall["taste"])


def effect_of_newsletters(world: WorldSummary) -> float:
    """Share who order in the week after an issue: those who got it less those who might have."""
    who = person_of(world)
    delivered: dict[str, dict[int, datetime]] = defaultdict(dict)
    for event in read_events(world):
        if event.get("event") == "Email Delivered":
            issue = delivered[event["properties"]["campaign_id"]]
            issue[who[event["userId"]]] = at(event)
    ordered = {person: [at(e) for e in made] for person, made in orders_by_person(world).items()}
    issues = sorted((min(got.values()), got) for got in delivered.values())
    first: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    for sent, got in issues:
        for person in got:
            first.setdefault(person, sent)
            last[person] = sent
    tally = Counter[tuple[bool, bool]]()
    for sent, got in issues:
        for person, joined in first.items():
            if joined < sent < last[person]:
                times = ordered.get(person, ())
                bought = any(sent < t <= sent + timedelta(days=7) for t in times)
                tally[person in got, bought] += 1
    treated = tally[True, True] / (tally[True, True] + tally[True, False])
    control = tally[False, True] / (tally[False, True] + tally[False, False])
    return treated - control


def test_newsletters_sell_except_in_the_null_world(worlds: Worlds) -> None:
    assert effect_of_newsletters(worlds("strong", PEOPLE)) > 0.006
    assert abs(effect_of_newsletters(worlds("null", PEOPLE))) < 0.006

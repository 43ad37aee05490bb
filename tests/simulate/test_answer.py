"""Customers answer mails: reproducibly, each for himself, and as the truth says."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest
from synthetic_worlds import END, Worlds, at, read_csv, write_mail

from vocative.errors import DataError
from vocative.simulate import Answers, DeliveredMail, WorldSummary, answer
from vocative.simulate.truth import read_truth

UNTIL = END + timedelta(days=9)
PEOPLE = 1200


def generic_mails(
    world: WorldSummary, subject: str = "This week at the shop"
) -> list[DeliveredMail]:
    items = [item for item in read_csv(world.items) if item["stock"] != "0"][10:200:40]
    rows = {row["customer_id"]: row for row in read_csv(world.customers)}
    return [
        write_mail(int(name[1:]), row["email"], items, subject=subject.format(**row))
        for name, row in rows.items()
    ]


def fitting_mails(world: WorldSummary) -> list[DeliveredMail]:
    """Each gets the own favourites, straight from the truth."""
    truth = read_truth(world.folder)
    items = read_csv(world.items)
    accounts = {account.customer_id: account for account in truth.accounts}
    return [
        write_mail(
            int(name[1:]),
            account.email,
            [items[i] for i in truth.people.favourites[account.person]],
        )
        for name, account in accounts.items()
    ]


@pytest.fixture(scope="module")
def answered(worlds: Worlds) -> Callable[[str, str], Answers]:
    @cache
    def run(world: str, kind: str) -> Answers:
        drawn = worlds(world, PEOPLE)
        mails = {
            "none": lambda _: [],
            "generic": generic_mails,
            "named": lambda w: generic_mails(w, "{first_name}, this week at the shop"),
            "department": lambda w: generic_mails(w, "New in our garden department"),
            "fitting": fitting_mails,
        }[kind](drawn)
        return answer(mails, drawn.folder, seed=3, until=UNTIL, since=END)

    return run


def orders(answers: Answers) -> dict[str, float]:
    return {
        e["properties"]["order_id"]: e["properties"]["revenue"]
        for e in answers.events
        if e.get("event") == "Order Completed"
    }


def test_same_seed_same_answers(worlds: Worlds) -> None:
    world = worlds("medium", 300)
    mails = generic_mails(world)
    first = answer(mails, world.folder, seed=1, until=UNTIL)
    assert answer(reversed(mails), world.folder, seed=1, until=UNTIL) == first
    assert answer(mails, world.folder, seed=2, until=UNTIL) != first


def test_a_mail_is_answered_the_same_in_any_batch(worlds: Worlds) -> None:
    world = worlds("medium", 300)
    mails = generic_mails(world)
    whole = answer(mails, world.folder, seed=1, until=UNTIL)
    for part in (mails[::2], mails[:40]):
        answers = answer(part, world.folder, seed=1, until=UNTIL)
        assert answers.visits
        assert set(map(repr, answers.visits)) <= set(map(repr, whole.visits))


def test_requests_are_in_order_and_only_people_leave(worlds: Worlds) -> None:
    world = worlds("medium", 300)
    items = read_csv(world.items)[:1]
    rows = read_csv(world.customers) * 12
    mails = [write_mail(n, row["email"], items) for n, row in enumerate(rows)]
    visits = answer(mails, world.folder, seed=1, until=UNTIL).visits
    assert [v.at for v in visits] == sorted(v.at for v in visits)
    assert visits[-1].at <= UNTIL
    posts = [v for v in visits if v.method == "POST"]
    assert posts
    assert all("one-click" in v.url and v.body == "List-Unsubscribe=One-Click" for v in posts)
    assert not any("one-click" in v.url for v in visits if v.method != "POST")


def test_machines_are_quick(answered: Callable[[str, str], Answers], worlds: Worlds) -> None:
    sent = {
        f"{m.message_id.removeprefix('mail-')}": m.at
        for m in generic_mails(worlds("medium", PEOPLE))
    }
    proxied: list[float] = []
    scans: dict[str, list[tuple[float, str]]] = {}
    for visit in answered("medium", "generic").visits:
        number = visit.url.split("/")[4].split("?")[0].split(".")[0].split("i")[0].split("t")[0]
        delay = (visit.at - sent[number]).total_seconds()
        if visit.user_agent == "Mozilla/5.0":
            proxied.append(delay)
            assert "/o/" in visit.url
        elif visit.ip.startswith("192.0.2."):
            scans.setdefault(number, []).append((delay, visit.url))
        else:
            assert delay > 30
    assert 0.28 < len(proxied) / len(sent) < 0.38
    assert max(proxied) < 30
    assert 0.01 < len(scans) / len(sent) < 0.03
    for fetched in scans.values():
        assert len(fetched) == 5 * 2 + 1, "every link, the way out included"
        assert max(fetched)[0] - min(fetched)[0] < 1


def test_truth_agrees_with_what_happens(answered: Callable[[str, str], Answers]) -> None:
    for kind in ("generic", "fitting"):
        answers = answered("strong", kind)
        summary = answers.truth.summary()
        for happened, expected in (
            (summary.opened, summary.open_rate * summary.mails),
            (summary.clicked, summary.click_rate * summary.mails),
        ):
            assert abs(happened - expected) < 4 * expected**0.5
        gained = set(orders(answers)) - set(orders(answered("strong", "none")))
        lost = set(orders(answered("strong", "none"))) - set(orders(answers))
        net = len(gained) - len(lost)
        spread = (len(gained) + len(lost)) ** 0.5
        assert abs(net - summary.incremental_conversions) < 4 * spread + 0.1 * len(gained)


def test_fitting_mails_sell_more(answered: Callable[[str, str], Answers]) -> None:
    generic = answered("medium", "generic").truth.summary()
    fitting = answered("medium", "fitting").truth.summary()
    assert fitting.click_rate > 1.4 * generic.click_rate
    assert fitting.incremental_conversion_rate > 1.5 * generic.incremental_conversion_rate > 0
    assert fitting.incremental_revenue > generic.incremental_revenue
    assert fitting.open_rate == generic.open_rate, "what is inside shows after opening"


def test_subject_lines_count_for_what_they_say(answered: Callable[[str, str], Answers]) -> None:
    generic = answered("medium", "generic").truth
    named = answered("medium", "named").truth
    assert 1.04 < named.summary().open_rate / generic.summary().open_rate < 1.25
    apart = [
        (b.open_rate - a.open_rate)
        for a, b in zip(
            sorted(generic.mails, key=lambda m: m.message_id),
            sorted(answered("medium", "department").truth.mails, key=lambda m: m.message_id),
            strict=True,
        )
    ]
    assert max(apart) > 0.05, "gardeners look up"
    assert min(apart) < -0.02, "others do not"


def test_mail_changes_nothing_in_the_null_world(answered: Callable[[str, str], Answers]) -> None:
    none, generic, fitting = (answered("null", kind) for kind in ("none", "generic", "fitting"))
    assert orders(none) == orders(generic) == orders(fitting)
    assert generic.truth.summary() == fitting.truth.summary()
    assert answered("null", "named").truth.summary() == generic.truth.summary()
    assert generic.truth.summary().incremental_conversion_rate == 0
    assert generic.truth.summary().opened > 0


def test_people_live_on_without_mail(answered: Callable[[str, str], Answers]) -> None:
    events = answered("medium", "none").events
    assert answered("medium", "none").visits == []
    assert len({e["messageId"] for e in events}) == len(events)
    assert all(END < at(e) <= UNTIL for e in events)
    names = Counter(e.get("event") for e in events)
    assert names["Order Completed"] > 40
    assert names["Product Viewed"] > names["Product Added"] > names["Order Completed"]


def test_sleeping_dogs_lose_interest(answered: Callable[[str, str], Answers]) -> None:
    lost = set(orders(answered("strong", "none"))) - set(orders(answered("strong", "generic")))
    assert lost
    worst = min(m.incremental_conversion_rate for m in answered("strong", "generic").truth.mails)
    assert worst < -0.2


def test_sums_over_an_arm(answered: Callable[[str, str], Answers]) -> None:
    truth = answered("medium", "generic").truth
    arms = [{m.message_id for m in truth.mails[n::2]} for n in (0, 1)]
    halves = [truth.summary(arm) for arm in arms]
    whole = truth.summary()
    assert sum(half.mails for half in halves) == whole.mails
    assert sum(half.incremental_conversions for half in halves) == pytest.approx(
        whole.incremental_conversions
    )
    assert truth.summary([]).open_rate == 0


def test_strangers_and_dead_mailboxes(worlds: Worlds) -> None:
    world = worlds("medium", PEOPLE)
    truth = read_truth(world.folder)
    items = read_csv(world.items)[:3]
    dead = next(a for a in truth.accounts if truth.people.dead_mailbox[a.person])
    mails = [write_mail(1, "nobody@example.com", items), write_mail(2, dead.email, items)]
    answers = answer(mails, world.folder, seed=1, until=UNTIL)
    assert (answers.truth.unknown_addresses, answers.truth.dead_mailboxes) == (1, 1)
    assert answers.visits == []
    bounces = [e for e in answers.events if e.get("event") == "Email Bounced"]
    assert [e["properties"]["message_id"] for e in bounces] == ["mail-2"]


def test_those_who_unsubscribed_before_complain(worlds: Worlds) -> None:
    world = worlds("medium", PEOPLE)
    truth = read_truth(world.folder)
    items = read_csv(world.items)[:3]
    now_ms = END.timestamp() * 1000
    left = [a for a in truth.accounts if truth.people.unsubscribed_ms[a.person] < now_ms]
    mails = [write_mail(n, account.email, items) for n, account in enumerate(left)]
    answers = answer(mails, world.folder, seed=1, until=UNTIL)
    complaints = [e for e in answers.events if e.get("event") == "Email Marked as Spam"]
    assert len(complaints) > len(left) / 10


def test_refuses_what_it_does_not_know(worlds: Worlds, tmp_path) -> None:
    world = worlds("medium", 300)
    with pytest.raises(DataError, match="is known until"):
        answer([], world.folder, seed=1, until=END + timedelta(days=61))
    with pytest.raises(DataError, match="no synthetic world"):
        answer([], tmp_path, seed=1, until=UNTIL)


def test_refuses_a_truth_that_was_tampered_with(worlds: Worlds, tmp_path) -> None:
    from vocative.simulate import generate

    world = generate(tmp_path, people=20, end=END)
    path = world.truth / "world.json"
    path.write_text(path.read_text().replace('"mail_effect": 1.0', '"mail_effect": 9.0'))
    with pytest.raises(DataError, match="digest"):
        answer([], tmp_path, seed=1, until=UNTIL)
    with (world.truth / "accounts.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) >= 20

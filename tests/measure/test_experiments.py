"""Intervals hold what they promise, agree with an independent library, and survive anything."""

import csv
import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.measure.experiments import (
    HOLDOUT_LIFT,
    VARIANT_LIFT,
    Arm,
    always_valid_multiplier,
    check_sample_ratio,
    compare_means,
    compare_rates,
    people_needed,
    pooled_rate_error,
    rate_interval,
)
from vocative.measure.statistics import Statistics, rate_statistics, statistics_of

LOOKS = 100


def rates(a, b, **options):
    return compare_rates(
        Arm("a", rate_statistics("converted", *a)),
        Arm("b", rate_statistics("converted", *b)),
        "converted",
        **options,
    )


def means(a, b, **options):
    return compare_means(
        Arm("a", statistics_of({"revenue": list(a)})),
        Arm("b", statistics_of({"revenue": list(b)})),
        "revenue",
        **options,
    )


def moments(values: np.ndarray) -> Statistics:
    """The statistics of a column, summed by numpy: simulations need many."""
    return Statistics(
        len(values),
        {"revenue": float(values.sum())},
        {("revenue", "revenue"): float((values**2).sum())},
    )


def allowed(share: float, runs: int) -> float:
    """The share plus four standard errors of its simulation."""
    return share + 4 * math.sqrt(share * (1 - share) / runs)


def baskets(random: np.random.Generator, people: int, rate: float) -> np.ndarray:
    """Revenue per person: mostly nothing, else log-normal with a long tail."""
    return np.where(random.random(people) < rate, random.lognormal(3.5, 1.0, people), 0.0)


@pytest.fixture(scope="module")
def tea():
    return pytest.importorskip("tea_tasting", reason="the oracle is a development dependency")


@pytest.fixture(scope="module")
def arms(shared_data):
    path = shared_data / "hillstrom" / "shared_half.csv"
    if not path.exists():
        pytest.skip("the Hillstrom data are not here")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: statistics_of(
            {
                column: [float(row[column]) for row in rows if row["segment"] == name]
                for column in ("visit", "conversion", "spend")
            }
        )
        for name in ("Mens E-Mail", "Womens E-Mail", "No E-Mail")
    }


def names_winner(x: int, a_people: int, y: int, b_people: int, lift: float) -> bool:
    """Whether `compare_rates` would, without making up the words."""
    error, scale = pooled_rate_error(x, a_people, y, b_people)
    z = always_valid_multiplier(error, lift * scale, 0.05)
    low, high = rate_interval(x, a_people, y, b_people, z)
    return low > 0 or high < 0


class TestPeeking:
    """No true difference, a hundred looks: at most 5 % may ever name a winner."""

    RUNS = 400

    @pytest.mark.parametrize(
        ("a_people", "b_people", "rate"),
        [(5_000, 5_000, 0.18), (9_000, 1_000, 0.01), (500, 500, 0.03), (2_000, 2_000, 0.97)],
    )
    def test_one_mailing_whose_conversions_come_in(self, a_people, b_people, rate):
        random = np.random.default_rng(7)
        wrong = 0
        for _ in range(self.RUNS):
            days = [*np.full(LOOKS, rate / LOOKS), 1 - rate]
            a = random.multinomial(a_people, days)[:-1].cumsum().tolist()
            b = random.multinomial(b_people, days)[:-1].cumsum().tolist()
            wrong += any(
                names_winner(x, a_people, y, b_people, HOLDOUT_LIFT)
                for x, y in zip(a, b, strict=True)
            )
        assert wrong / self.RUNS <= allowed(0.05, self.RUNS)

    def test_people_arriving(self):
        random = np.random.default_rng(8)
        wrong = 0
        for _ in range(self.RUNS):
            a = random.binomial(50, 0.2, LOOKS).cumsum().tolist()
            b = random.binomial(50, 0.2, LOOKS).cumsum().tolist()
            wrong += any(
                names_winner(x, 50 * look, y, 50 * look, VARIANT_LIFT)
                for look, (x, y) in enumerate(zip(a, b, strict=True), start=1)
            )
        assert wrong / self.RUNS <= allowed(0.05, self.RUNS)

    def test_the_shortcut_is_the_shipped_rule(self):
        for x, y in itertools.product(range(0, 200, 9), repeat=2):
            found = rates((x, 400), (y, 250))
            assert (found.better is not None) == names_winner(x, 400, y, 250, VARIANT_LIFT)

    @pytest.mark.parametrize(("a_people", "b_people"), [(4_000, 4_000), (7_000, 800)])
    def test_revenue_with_a_long_tail(self, a_people, b_people):
        random = np.random.default_rng(9)
        runs, wrong = 200, 0
        for _ in range(runs):
            a, b = baskets(random, a_people, 0.03), baskets(random, b_people, 0.03)
            bought = [random.integers(1, 26, len(values)) for values in (a, b)]
            wrong += any(
                compare_means(
                    Arm("a", moments(np.where(bought[0] <= look, a, 0.0))),
                    Arm("b", moments(np.where(bought[1] <= look, b, 0.0))),
                    "revenue",
                    typical_lift=HOLDOUT_LIFT,
                ).better
                is not None
                for look in (1, 3, 6, 10, 15, 20, 25)
            )
        assert wrong / runs <= allowed(0.05, runs)


class TestFixedHorizon:
    @pytest.mark.parametrize(
        ("a_people", "b_people", "a_rate", "b_rate"),
        [(2_000, 2_000, 0.2, 0.18), (9_000, 1_000, 0.012, 0.01), (300, 300, 0.02, 0.02)],
    )
    def test_covers_a_difference_of_rates(self, a_people, b_people, a_rate, b_rate):
        random = np.random.default_rng(10)
        runs = 2_000
        a = random.binomial(a_people, a_rate, runs).tolist()
        b = random.binomial(b_people, b_rate, runs).tolist()
        missed = 0
        for x, y in zip(a, b, strict=True):
            found = rates((x, a_people), (y, b_people), method="fixed_horizon")
            assert found.interval is not None
            missed += not found.interval.low <= a_rate - b_rate <= found.interval.high
        assert missed / runs <= allowed(0.055, runs)
        assert missed / runs >= 0.02, "an interval that never misses is too wide to be useful"

    @pytest.mark.parametrize(("a_people", "b_people"), [(3_000, 3_000), (9_000, 1_000)])
    def test_covers_a_difference_of_revenues(self, a_people, b_people):
        random = np.random.default_rng(11)
        runs, missed = 300, 0
        true = 0.01 * math.exp(3.5 + 0.5)
        for _ in range(runs):
            a, b = baskets(random, a_people, 0.06), baskets(random, b_people, 0.05)
            arms = (Arm("a", moments(a)), Arm("b", moments(b)))
            found = compare_means(*arms, "revenue", method="fixed_horizon")
            assert found.interval is not None
            missed += not found.interval.low <= true <= found.interval.high
        assert missed / runs <= allowed(0.06, runs)


class TestOracle:
    """tea-tasting computes the same from the raw rows."""

    def test_revenue(self, tea):
        random = np.random.default_rng(12)
        a, b = baskets(random, 2_000, 0.3), baskets(random, 2_000, 0.27)
        data = pa.table({"variant": [1] * 2_000 + [0] * 2_000, "revenue": np.concatenate([a, b])})
        expected = tea.Experiment(revenue=tea.Mean("revenue", use_t=True)).analyze(data)["revenue"]
        found = means(a.tolist(), b.tolist(), method="fixed_horizon")
        assert found.interval is not None
        assert found.lift_interval is not None
        assert found.difference == pytest.approx(expected.effect_size)
        assert (found.interval.low, found.interval.high) == pytest.approx(
            (expected.effect_size_ci_lower, expected.effect_size_ci_upper), rel=1e-4
        )
        assert found.lift == pytest.approx(expected.rel_effect_size)
        assert (found.lift_interval.low, found.lift_interval.high) == pytest.approx(
            (expected.rel_effect_size_ci_lower, expected.rel_effect_size_ci_upper), abs=1e-3
        )

    def test_sample_ratio(self, tea):
        data = pa.table({"variant": [0] * 1_000 + [1] * 1_100})
        ratio = tea.SampleRatio(method="norm", correction=False)
        expected = tea.Experiment(ratio=ratio).analyze(data)["ratio"]
        found = check_sample_ratio({"a": 1_000, "b": 1_100}, {"a": 1, "b": 1})
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


class TestHillstrom:
    """A real randomised test: men's, women's or no e-mail to 31,924 customers."""

    def test_mens_mail_brings_visits(self, arms):
        found = compare_rates(
            Arm("men", arms["Mens E-Mail"]), Arm("none", arms["No E-Mail"]), "visit"
        )
        assert found.better == "men"
        assert found.lift == pytest.approx(0.72, abs=0.05)
        assert found.lift_interval is not None
        assert found.lift_interval.low > 0.5

    def test_agrees_with_the_oracle(self, arms, tea):
        men, none = arms["Mens E-Mail"], arms["No E-Mail"]
        columns = {
            "variant": [1] * men.count + [0] * none.count,
            "visit": np.repeat(
                [1.0, 0.0, 1.0, 0.0],
                [
                    int(part)
                    for arm in (men, none)
                    for part in (arm.total("visit"), arm.count - arm.total("visit"))
                ],
            ),
        }
        expected = tea.Experiment(visit=tea.Mean("visit")).analyze(pa.table(columns))["visit"]
        found = compare_rates(Arm("men", men), Arm("none", none), "visit", method="fixed_horizon")
        assert found.interval is not None
        assert found.lift_interval is not None
        assert found.difference == pytest.approx(expected.effect_size)
        assert found.interval.low == pytest.approx(expected.effect_size_ci_lower, abs=2e-4)
        assert found.lift_interval.low == pytest.approx(expected.rel_effect_size_ci_lower, abs=2e-3)
        assert found.lift_interval.high == pytest.approx(
            expected.rel_effect_size_ci_upper, abs=2e-3
        )

    def test_assignment_was_fair(self, arms):
        sizes = {name: arm.count for name, arm in arms.items()}
        assert check_sample_ratio(sizes, dict.fromkeys(sizes, 1 / 3)).fits

    def test_spend_is_told_with_its_interval(self, arms):
        found = compare_means(
            Arm("men", arms["Mens E-Mail"]), Arm("none", arms["No E-Mail"]), "spend", unit="USD"
        )
        assert found.interval is not None
        assert found.interval.low < 0.8 < found.interval.high
        assert "USD" in found.words


class TestAnything:
    counts = st.integers(0, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    revenue = st.lists(
        st.one_of(st.just(0.0), st.floats(0, 200), st.floats(-50, 0), st.just(1e9)), max_size=30
    )
    methods = st.sampled_from(["always_valid", "fixed_horizon"])

    @given(counts, counts, methods)
    def test_rates(self, a, b, method):
        found = rates(a, b, method=method)
        self.check(found)
        if found.interval is not None:
            assert -1 <= found.interval.low <= found.interval.high <= 1

    @given(revenue, revenue, methods)
    def test_means(self, a, b, method):
        self.check(means(a, b, unit="GBP", method=method))

    def test_amounts_too_small_to_square(self):
        self.check(means([0.0, 5e-324], [0.0, 1e-200]))

    @given(counts, counts, methods)
    def test_swapping_arms_turns_the_sign(self, a, b, method):
        found, turned = rates(a, b, method=method), rates(b, a, method=method)
        assert found.verdict == turned.verdict
        if found.interval is not None and turned.interval is not None:
            assert found.interval.low == pytest.approx(-turned.interval.high)
        swapped = {"a": "b", "b": "a", None: None}
        assert found.better == swapped[turned.better]

    @given(counts, counts)
    def test_peeking_costs_width(self, a, b):
        always, fixed = rates(a, b), rates(a, b, method="fixed_horizon")
        if always.interval is not None and fixed.interval is not None:
            assert always.interval.low <= fixed.interval.low
            assert always.interval.high >= fixed.interval.high

    def check(self, found):
        assert found.words
        assert "nan" not in found.words
        assert "inf" not in found.words.replace("interval", "")
        if min(found.a_people, found.b_people) < 2:
            assert found.verdict == "too_few"
            assert "too few people" in found.words
        if found.better is not None:
            assert found.interval is not None
            assert found.interval.low > 0 or found.interval.high < 0
        if found.interval is not None and found.difference is not None:
            slack = 1e-9 * max(1.0, abs(found.difference))
            assert found.interval.low - slack <= found.difference <= found.interval.high + slack


class TestPeopleNeeded:
    def test_agrees_with_the_textbook(self):
        variance = 0.1 * 0.9
        exact = 2 * 2 * variance * (1.959964 + 0.841621) ** 2 / 0.01**2
        found = people_needed(variance=variance, scale=0.1, effect=0.01, method="fixed_horizon")
        assert found == pytest.approx(exact, rel=1e-3)

    def test_the_promise_is_kept(self):
        rate, lift = 0.1, 0.2
        people = people_needed(variance=rate * (1 - rate), scale=rate, effect=rate * lift)
        assert people is not None
        arm = people // 2
        random = np.random.default_rng(13)
        a = random.binomial(arm, rate * (1 + lift / 2), 500).tolist()
        b = random.binomial(arm, rate * (1 - lift / 2), 500).tolist()
        shown = sum(rates((x, arm), (y, arm)).better == "a" for x, y in zip(a, b, strict=True))
        assert 0.7 <= shown / 500 <= 0.9

    def test_some_things_no_audience_can_show(self):
        assert people_needed(variance=1.0, scale=1e-7, effect=1e-8) is None
        assert people_needed(variance=1.0, scale=1.0, effect=0.0) is None

    @given(st.floats(0.01, 0.5), st.floats(0.05, 0.95))
    def test_smaller_effects_need_more(self, effect, share):
        needed = [
            people_needed(variance=0.25, scale=0.5, effect=effect / part, a_share=share)
            for part in (1, 2, 4)
        ]
        assert all(x is not None and y is not None and x < y for x, y in itertools.pairwise(needed))


class TestSampleRatio:
    def test_one_arm_is_always_right(self):
        assert check_sample_ratio({"a": 10}, {"a": 1.0}).fits

    def test_an_arm_that_should_not_exist(self):
        found = check_sample_ratio({"a": 10, "ghost": 3}, {"a": 1.0})
        assert not found.fits
        assert "do not trust" in found.words

    def test_a_holdout_that_is_missing(self):
        assert not check_sample_ratio({"a": 1000}, {"a": 0.9, "holdout": 0.1}).fits

    def test_nobody_yet(self):
        assert check_sample_ratio({}, {"a": 0.5, "b": 0.5}).fits

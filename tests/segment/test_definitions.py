"""A wrong definition is refused with the file, the line and the column of the word."""

import pytest

from vocative.errors import AuthorError
from vocative.segment import build_plan, check_definitions, field_catalog, list_features
from vocative.sql import Type

GOOD = """\
orders_30d: {count: Order Completed, window: 30d, describe: Orders in 30 days}
spend_30d: {sum: revenue, of: Order Completed, window: 30d}
last_order_at: {last: at, of: Order Completed}
"""

WRONG_FEATURES = [
    # yaml, line, column, what the message says
    ("orders: {}", 1, 1, "nothing to compute"),
    ("orders: {cout: Order Completed}", 1, 10, "did you mean 'count'"),
    ("orders: {count: A, sum: revenue}", 1, 25, "exactly one way"),
    ("orders: {count: A, of: B}", 1, 24, "one too many"),
    ("orders: {count: [A, 3]}", 1, 21, "Expected `str"),
    ("orders: {count: ' '}", 1, 18, "which events"),
    ("spend: {sum: revenue}", 1, 1, "which events"),
    ("spend: {sum: revenu, of: A}", 1, 14, "did you mean 'revenue'"),
    ("spend: {sum: category, of: A}", 1, 14, "an integer or number is needed"),
    ("spend: {sum: person_id, of: A}", 1, 14, "unknown field 'person_id'"),
    ("orders: {count: A, window: 30 fortnights}", 1, 28, "is not a window"),
    ("orders: {count: A, window: 0d}", 1, 28, "is not a window"),
    ("orders: {count: A, window: 99999d}", 1, 28, "is not a window"),
    ("orders: {count: A, where: now() > at}", 1, 27, "about an event"),
    ("orders: {count: A, where: revenue}", 1, 27, "a boolean is needed"),
    ("orders: {count: A, where: \"revenue > 'x'\"}", 1, 38, "must be an integer or number"),
    ("orders: {count: A, where: spend > 3}", 1, 27, "unknown field 'spend'"),
    ("orders: {count: A, default: many}", 1, 29, "is no integer"),
    ("orders: {count: A, default: true}", 1, 29, "is no integer"),
    ("at: {last: at, of: A, default: then}", 1, 32, "is no instant"),
    ("Orders: {count: A}", 1, 1, "not a good name"),
    ("country: {count: A}", 1, 1, "is a trait already"),
    ("case: {count: A}", 1, 1, "a word of the language"),
    ("x: {expr: orders_3d + 1}\nspend: {count: A}", 1, 11, "unknown field 'orders_3d'"),
    ("x: {expr: country, window: 3d}", 1, 20, "does not go together"),
    ("x: {expr: \"in_segment('y')\"}", 1, 12, "about a feature"),
    ("x: {expr: interval '3 days'}", 1, 11, "this gives an interval"),
    ("x: {ntile: 5}", 1, 4, "needs `of:`"),
    ("x: {ntile: 500, of: y}\ny: {count: A}", 1, 12, "from 2 to 100"),
    ("x: {ntile: 5, of: country}", 1, 19, "is needed"),
    ("x: {ntile: 5, of: y, order: down}\ny: {count: A}", 1, 29, "Invalid enum value"),
    ("x: {expr: y}\ny: {expr: z + 1}\nz: {expr: x + 1}", 1, 1, "x → y → z → x"),
    ("x: {expr: x}", 1, 1, "x → x"),
    ("x: {count: A, lines: true, where: properties.y = 'z'}", 1, 35, "has no parts"),
]


@pytest.mark.parametrize(("yaml", "line", "column", "message"), WRONG_FEATURES)
def test_a_wrong_feature_is_refused_at_its_word(define, yaml, line, column, message):
    workspace = define(features=yaml + "\n", traits="country: {type: text}\n")
    with pytest.raises(AuthorError) as refused:
        check_definitions(workspace)
    where = refused.value.where
    assert message in f"{refused.value}"
    assert (where.file, where.line, where.column) == ("features/test.yaml", line, column)
    assert where.source_line == yaml.splitlines()[line - 1]


WRONG_SEGMENTS = [
    ("lapsed: {}", 1, 1, "needs either"),
    ("lapsed: {where: spend_30d > 1, by: country}", 1, 36, "needs either"),
    ("lapsed: {wher: spend_30d > 1}", 1, 10, "did you mean 'where'"),
    ("lapsed: {where: spend_3d > 1}", 1, 17, "did you mean 'spend_30d'"),
    ("lapsed: {where: spend_30d}", 1, 17, "a boolean is needed"),
    ("lapsed: {where: first_name = 'A'}", 1, 17, "is personal"),
    ("lapsed: {where: \"in_segment('x')\"}", 1, 29, "unknown segment 'x'"),
    ("lapsed: {where: \"score('x') > 1\"}", 1, 24, "unknown model 'x'"),
    ("x: {by: lower(country)}", 1, 9, "the name of one trait"),
    ("x: {by: spend_30d}", 1, 9, "is needed"),
    ("x: {where: \"in_segment('y')\"}\ny: {where: \"in_segment('x')\"}", 1, 1, "x → y → x"),
    ("x: {where: \"not in_segment('x')\"}", 1, 1, "x → x"),
    ("lapsed:\n  where: >-\n    spend_30d > 1\n    and cuntry = 'FR'", 4, 9, "'country'"),
]


@pytest.mark.parametrize(("yaml", "line", "column", "message"), WRONG_SEGMENTS)
def test_a_wrong_segment_is_refused_at_its_word(define, yaml, line, column, message):
    traits = "country: {type: text}\nfirst_name: {type: text, personal: true}\n"
    workspace = define(features=GOOD, segments=yaml + "\n", traits=traits)
    with pytest.raises(AuthorError) as refused:
        check_definitions(workspace)
    where = refused.value.where
    assert message in f"{refused.value}"
    assert (where.file, where.line, where.column) == ("segments/test.yaml", line, column)


def test_a_workspace_without_definitions_has_an_empty_plan(workspace):
    plan = build_plan(workspace)
    assert (dict(plan.features), dict(plan.segments)) == ({}, {})


def test_features_have_types_and_say_whether_they_can_be_unknown(define):
    workspace = define(features=GOOD + 'each: {expr: "spend_30d / orders_30d"}\n')
    found = {feature.name: feature for feature in list_features(workspace)}
    assert [(f.type, f.nullable) for f in found.values()] == [
        (Type.INTEGER, False),
        (Type.NUMBER, False),
        (Type.INSTANT, True),
        (Type.NUMBER, True),
    ]
    assert found["orders_30d"].describe == "Orders in 30 days"
    assert found["orders_30d"].file == "features/test.yaml"


def test_the_catalog_names_traits_features_and_scores(define):
    workspace = define(
        features=GOOD,
        models="purchase_30d: {predict: Order Completed, within: 30d}\n",
        traits="country: {type: text}\nfirst_name: {type: text, personal: true}\n",
    )
    found = field_catalog(workspace)
    kinds = {name: (field.kind, field.type, field.personal) for name, field in found.items()}
    assert kinds["country"] == ("trait", Type.TEXT, False)
    assert kinds["first_name"] == ("trait", Type.TEXT, True)
    assert kinds["orders_30d"] == ("feature", Type.INTEGER, False)
    assert kinds["purchase_30d"] == ("score", Type.NUMBER, False)
    assert kinds["email_domain"] == ("trait", Type.TEXT, False)


def test_the_fingerprint_changes_with_the_meaning_and_not_with_the_layout(define):
    before = build_plan(define(features=GOOD)).fingerprint
    assert build_plan(define(features="# note\n\n" + GOOD)).fingerprint == before
    assert build_plan(define(features=GOOD.replace("30d}", "31d}"))).fingerprint != before

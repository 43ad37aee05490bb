"""A branch that is called dead is one that nobody gets into, whatever their data."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.clock import SystemClock
from vocative.compose.authoring.source import Passage
from vocative.compose.checking.fields import data_shape
from vocative.compose.checking.names import check_names
from vocative.compose.language.environments import Environment
from vocative.compose.template import parse
from vocative.sql import Field, Type

CATALOG = {
    "n": Field(name="n", kind="feature", type=Type.NUMBER),
    "m": Field(name="m", kind="feature", type=Type.NUMBER, nullable=False),
    "t": Field(name="t", kind="trait", type=Type.TEXT),
    "b": Field(name="b", kind="feature", type=Type.BOOLEAN),
}
NUMBERS = st.sampled_from([0, 1, 2, 2.5, 3])
TEXTS = st.sampled_from(["", "a", "b"])
PEOPLE = st.fixed_dictionaries(
    {"n": st.none() | NUMBERS, "m": NUMBERS, "t": st.none() | TEXTS, "b": st.none() | st.booleans()}
)
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
ATOMS = st.one_of(
    st.sampled_from(["n", "m", "t", "b"]).map("person.{}".format),
    st.builds("person.{} {} {}".format, st.sampled_from("nm"), SIGNS, NUMBERS),
    st.builds("{} {} person.{}".format, NUMBERS, SIGNS, st.sampled_from("nm")),
    st.builds("person.t {} '{}'".format, st.sampled_from(["==", "!="]), TEXTS),
    st.builds(
        "person.{} {} {}".format,
        st.sampled_from("nmtb"),
        st.sampled_from(["==", "!="]),
        st.sampled_from(["nil", "blank"]),
    ),
    st.builds("person.b == {}".format, st.sampled_from(["true", "false"])),
    st.sampled_from(["person.t contains 'a'", "x", "products", "products.size > 0", "true"]),
)
CONDITIONS = st.recursive(
    ATOMS, lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=4,
)  # fmt: skip


def blocks(inner):
    arms = st.lists(st.tuples(CONDITIONS, inner), min_size=1, max_size=3)
    return st.one_of(
        st.builds(written, st.sampled_from(["if", "unless"]), arms, st.none() | inner),
        st.builds("{{% assign x = person.{} %}}{}".format, st.sampled_from("nmtb"), inner),
        st.builds(
            "{{% for p in products %}}{}{{% assign x = p.title %}}{{% endfor %}}".format, inner
        ),
        st.builds(
            "{{% case person.t %}}{{% when 'a' %}}#{}{{% else %}}#{}{{% endcase %}}".format,
            inner,
            inner,
        ),
    )


def written(word, arms, default):
    first, *others = arms
    text = f"{{% {word} {first[0]} %}}#{first[1]}"
    text += "".join(f"{{% elsif {condition} %}}#{body}" for condition, body in others)
    if default is not None:
        text += f"{{% else %}}#{default}"
    return text + f"{{% end{word} %}}"


TEMPLATES = st.recursive(st.just("."), blocks, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(TEMPLATES, st.lists(PEOPLE, min_size=1, max_size=8))
def test_nobody_gets_into_a_dead_branch(template, people):
    template = "{% assign x = true %}" + template
    # Every arm writes the number of its own `#`.
    numbers = iter(range(1_000))
    template = re.sub("#", lambda _: f"[{next(numbers)}]", template)
    passage = Passage.of_file("t", template)
    part = parse(passage, Environment)
    findings = check_names(part.parsed, data_shape(CATALOG), passage.where)
    dead = set()
    for found in findings:
        if found.code == "dead_branch":
            # The arm that begins behind the tag that the finding points into.
            dead.add(int(re.search(r"\[(\d+)\]", template[found.where.column - 1 :])[1]))
    for person in people:
        for products in ([], [{"title": "p"}]):
            text, _ = part.render({"person": person, "products": products}, SystemClock())
            taken = {int(number) for number in re.findall(r"\[(\d+)\]", text)}
            assert not taken & dead, (template, person, taken & dead)


@pytest.mark.parametrize(
    "body",
    [
        "{% if person.n > 5 %}a{% elsif person.n > 7 %}b{% endif %}",
        "{% if person.n >= 5 %}a{% elsif person.n == 6 %}b{% endif %}",
        "{% if person.t == 'a' %}{% if person.t == 'b' %}b{% endif %}{% endif %}",
        "{% if person.t == 'a' and person.t == 'b' %}b{% endif %}",
        "{% if person.t %}a{% elsif person.t != blank %}b{% endif %}",
        "{% if person.m == nil %}a{% endif %}",
        "{% if products %}a{% else %}b{% endif %}",
        "{% if false %}a{% endif %}",
        "{% if person.t == 'a' %}{% case person.t %}{% when 'b' %}x{% endcase %}{% endif %}",
        "{% unless person.m %}a{% endunless %}",
    ],
)
def test_dead_branches(body):
    passage = Passage.of_file("t", body)
    part = parse(passage, Environment)
    found = check_names(part.parsed, data_shape(CATALOG), passage.where)
    assert [one.code for one in found] == ["dead_branch"]
    assert found[0].fix


@pytest.mark.parametrize(
    "body",
    [
        "{% if person.n > 7 %}a{% elsif person.n > 5 %}b{% else %}c{% endif %}",
        "{% if person.n > 5 %}a{% elsif person.n <= 5 %}b{% else %}missing{% endif %}",
        "{% if person.t == '' %}a{% elsif person.t %}b{% endif %}",
        "{% if person.b %}a{% elsif person.b == false %}b{% else %}c{% endif %}",
        "{% if person.t == 'a' or person.n %}{% if person.t == 'b' %}b{% endif %}{% endif %}",
        (
            "{% for p in products %}{% if p.price > 5 %}{% for q in products %}"
            "{% if q.price < 3 %}x{% endif %}{% endfor %}{% endif %}{% endfor %}"
        ),
        (
            "{% assign seen = false %}{% for p in products %}{% if seen %}x{% endif %}"
            "{% assign seen = true %}{% endfor %}"
        ),
        (
            "{% if x == 1 %}{% for p in products %}{% if x == 2 %}b{% endif %}"
            "{% assign x = 2 %}{% endfor %}{% endif %}"
        ),
    ],
)
def test_branches_that_somebody_can_get_into(body):
    passage = Passage.of_file("t", "{% assign x = 1 %}" + body)
    part = parse(passage, Environment)
    assert check_names(part.parsed, data_shape(CATALOG), passage.where) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{{ person.t | default: 'x' | times: 2 }}", "times cannot use text"),
        ("{{ person.m | money: 'EUR' | plus: 1 }}", "plus cannot use text"),
        ("{{ person.m | date: '%d' }}", "date cannot use a number"),
        ("{{ products }}", "products is a list"),
        ("{% if person.m == 'many' %}a{% endif %}", "a number never equals text"),
        ("{% if person.t > 5 %}a{% endif %}", "text cannot be ordered with a number"),
        ("{% for x in person.m %}a{% endfor %}", "nothing to loop over"),
        ("{% case person.t %}{% when 5 %}a{% endcase %}", "text never equals a number"),
    ],
)
def test_values_used_as_what_they_are_not(body, words):
    passage = Passage.of_file("t", body)
    part = parse(passage, Environment)
    found = check_names(part.parsed, data_shape(CATALOG), passage.where)
    assert [one.code for one in found] == ["wrong_type"]
    assert words in found[0].message

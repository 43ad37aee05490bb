"""Filters and the tag that templates of other systems bring along."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.clock import SystemClock
from vocative.compose import MessageSkipped, TemplateSource, check_template, compile_template
from vocative.compose.language import carried
from vocative.compose.language.environments import Environment, environment
from vocative.compose.language.limits import Run
from vocative.errors import AuthorError

ANY_VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


def rendered(text: str, **data: object) -> str:
    parsed = environment(Environment).from_string(text)
    return parsed.render_run(data, Run(SystemClock()))  # type: ignore[attr-defined, no-any-return]


def test_the_examples_are_true() -> None:
    assert doctest.testmod(carried).failed == 0


@given(ANY_VALUE, st.sampled_from(sorted(carried.FILTERS)))
def test_no_value_breaks_a_filter(value: object, name: str) -> None:
    if name.startswith("hmac"):
        name += ": 'key'"
    rendered(f"{{{{ value | {name} | default: '' }}}}", value=value)


@pytest.mark.parametrize("places", ["'many'", "11", "1.5"])
def test_places_must_be_few(places: str) -> None:
    with pytest.raises(Exception, match="fixed_places"):
        rendered(f"{{{{ 1 | fixed_places: {places} }}}}")


def template(body: str) -> TemplateSource:
    text = f"<mj-column><mj-text>{body}</mj-text></mj-column>"
    layout = f"<mjml><mj-body><mj-section>{text}</mj-section></mj-body></mjml>"
    return TemplateSource.of("one", mjml=layout, subject="Hello")


def test_a_template_can_give_a_message_up() -> None:
    compiled = compile_template(
        template('{% if person.vip %}Hello{% else %}{% skip_message "only for  VIPs" %}{% endif %}')
    )
    assert "Hello" in compiled.render({"person": {"vip": True}}).html
    with pytest.raises(MessageSkipped, match="only for VIPs"):
        compiled.render({"person": {"vip": None}})


def test_no_reason_needs_to_be_given() -> None:
    with pytest.raises(MessageSkipped, match="skips this person"):
        compile_template(template("A {% skip_message %} B")).render({})


@pytest.mark.parametrize("reason", ["person.vip", '"a" "b"', "3"])
def test_the_reason_is_a_text(reason: str) -> None:
    with pytest.raises(AuthorError):
        compile_template(template(f"{{% skip_message {reason} %}}"))


def test_the_check_takes_whom_a_template_skips_as_nobody() -> None:
    skips_all = "{% skip_message %}"
    codes = {found.code for found in check_template(template(skips_all), {})}
    assert codes == {"no_unsubscribe_link", "no_postal_address"}
    footer = '<a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}'
    some = "{% if products.size > 0 %}" + footer + "{% else %}{% skip_message %}{% endif %}"
    assert check_template(template(some), {}) == []

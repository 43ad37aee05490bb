"""Templates that try to exhaust the process. As a script, tries them within little memory."""

import json
import resource
import sys
import time

from vocative.compose import TemplateSource, compile_template
from vocative.errors import AuthorError

MEMORY_BYTES = 1_200_000_000
DOUBLED = "{% assign x = 'aaaaaaaaaaaaaaaa' %}"
TEMPLATES = {
    "nested loops": "{% for a in (1..1000) %}{% for b in (1..1000) %}{% for c in (1..1000) %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "many loops in a row": "{% for a in (1..1999) %}{% endfor %}" * 200,
    "a long range": "{% for a in (1..1000000000) %}{% endfor %}",
    "a range longer than len can say": "{% for a in (1..99999999999999999999) %}{% endfor %}",
    "a long range, reversed": "{% for a in (1..1000000000) reversed %}{% endfor %}",
    "a search in a long range": "{% assign n = 1000000000 %}"
    "{% if (1..n) contains 'x' %}{% endif %}",
    "a long range, joined": "{{ (1..1000000000) | join: ',' }}",
    "a long range, sorted": "{% assign r = (1..1000000000) %}{{ r | sort | size }}",
    "a long range, by a name": "{% assign r = (1..1000000000) %}{% for i in r %}{% endfor %}",
    "a long table row": "{% tablerow i in (1..100000000) %}x{% endtablerow %}",
    "doubled text": DOUBLED + "{% for i in (1..1000) %}{% assign x = x | append: x %}{% endfor %}",
    "doubled text in a block": DOUBLED
    + "{% for i in (1..60) %}{% capture x %}{{ x }}{{ x }}{% endcapture %}{% endfor %}{{ x }}",
    "a doubled list": "{% assign x = 'a,b,c,d' | split: ',' %}"
    "{% for i in (1..60) %}{% assign x = x | concat: x %}{% endfor %}",
    "growing replacements": "{{ 'aaaaaaaaaa' " + "| replace: 'a', 'aaaaaaaaaa' " * 12 + "}}",
    "replacing nothing": "{{ 'aaaaaaaaaa' "
    + "| replace: '', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' " * 9
    + "}}",
    "a long separator": DOUBLED + "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}"
    "{% assign l = (1..2000) | join: ',' | split: ',' %}{{ l | join: x | size }}",
    "a list of long texts": DOUBLED
    + "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}"
    "{% assign l = x | split: ',' %}"
    "{% for i in (1..10) %}{% assign l = l | concat: l %}{% endfor %}{{ l }}",
    "large numbers": "{% assign n = 999999999999 %}"
    "{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}{{ n }}",
    "a large literal": "{{ " + "9" * 4000 + " | times: " + "9" * 4000 + " }}",
    "endless output": "{% for i in (1..1900) %}" + "x" * 1000 + "{% endfor %}",
    "output of one long value": DOUBLED
    + "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}"
    "{% for i in (1..1900) %}{{ x }}{% endfor %}",
    "slow work in a loop": "{% assign l = (1..2000) | join: ',' | split: ',' %}"
    "{% for i in (1..2000) %}{% assign m = l | uniq | sort_natural %}{% endfor %}",
    "blank work in a loop": "{% for i in (1..2000) %}"
    + "{% assign b = a %}" * 2_900
    + "{% endfor %}",
    "conditions in a loop": DOUBLED
    + "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}{% for i in (1..2000) %}"
    + "{% if x contains 'aaaaaaaaaaab' %}{% endif %}" * 500
    + "{% endfor %}",
    "tags that never end, stripped": "{% assign x = '<' %}"
    "{% for i in (1..16) %}{% assign x = x | append: x %}{% endfor %}{{ x | strip_html | size }}",
    "comments that never end, stripped": "{% assign x = '<!--<script<style' %}"
    "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}{{ x | strip_html | size }}",
    "a wide date": "{{ 'now' | date: '%9999999d %9999999d' }}",
    "a long date": "{% assign x = '1-' %}"
    "{% for i in (1..15) %}{% assign x = x | append: x %}{% endfor %}{{ x | date: '%Y' }}",
    "a deep condition": "{% if " + "a and " * 20_000 + "a %}x{% endif %}",
    "a condition as deep as a tag may be": "{% if " + "a and " * 1_600 + "a %}x{% endif %}",
    "a deep path": "{{ " + "a[" * 3_000 + "1" + "]" * 3_000 + " }}",
    "deep nesting": "{% if true %}" * 200 + "x" + "{% endif %}" * 200,
    "tags that never close": "{{ " * 90_000,
    "raw that never closes": "{% raw %}" * 30_000,
    "comments that never close": "{% comment %}" * 20_000,
    "quotes that never close": '<a b="' * 40_000,
    "elements that never close": "<b>" * 60_000,
    "elements in elements": "<b>" * 30_000 + "x" + "</b>" * 30_000,
    "many attributes": "<p " + "a " * 100_000 + ">x</p>",
    "HTML comments that never close": "<!--" * 60_000,
    "a tag of many filters": "{{ a " + "| append: 'b' " * 600 + "}}",
    "one long tag": "{{ a " + "| append: 'b' " * 20_000 + "}}",
    "many paragraphs": "<p>{{ a }}</p>" * 20_000,
    "many links": '<a href="https://x.example/{{ a }}">{{ a }}</a>' * 6_000,
    "many styles": "<style>" + ".a b > c { color: red }" * 10_000 + "</style>",
    "many rows": "<table>" + "<tr><td>{{ a }}</td></tr>" * 10_000 + "</table>",
    "too long a text": "x" * 400_000,
}


def document(liquid: str) -> str:
    """A layout around a piece of Liquid."""
    return (
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        f"{liquid}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )


def attempt(liquid: str) -> dict[str, object]:
    """What became of a template: its error, if any, and the processor time it took."""
    start = time.process_time()
    error = None
    try:
        source = TemplateSource.of("hostile", mjml=document(liquid), subject="x")
        compile_template(source).render({"a": 1})
    except AuthorError as refused:
        error = refused.message
    return {"error": error, "seconds": time.process_time() - start}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    attempt("x")
    json.dump({name: attempt(TEMPLATES[name]) for name in TEMPLATES}, sys.stdout)

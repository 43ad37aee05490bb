"""Templates that try to exhaust the process. As a script, tries each in a process of its own."""

import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

from vocative.compose import TemplateSource, compile_template
from vocative.errors import AuthorError

ADDRESS_SPACE_BYTES = 1_200_000_000
"""Much of it is only reserved, by libraries; what is used is measured."""
CPU_SECONDS = 10
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
    "the class of a value": "{{ a.__class__ }}",
    "the class of a text": "{{ 'x'.__class__.__mro__[1].__subclasses__ }}",
    "the class of a loop": "{% for i in (1..2) %}{{ forloop.__init__.__globals__ }}{% endfor %}",
    "a class by a name": "{% assign k = '__class__' %}{{ a[k] }}",
    "a block that calls itself": "{% render 'itself' %}",
    "a file of the machine": "{% include '/etc/passwd' %}",
    "a file, in a liquid tag": "{% liquid\nrender '/etc/passwd'\n%}",
    "a number of many digits": "{{ '1e999999999' | floor }}",
    "a number of many digits, rounded": "{{ '1e999999999' | round: 999999999 }}",
    "a number of many digits, added": "{{ '1e999999999' | plus: 1 | ceil }}",
    "a number of many digits, divided": "{{ '1e999999999' | divided_by: 3 }}",
    "a rest of large numbers": "{{ '9e99999999' | modulo: 7 }}",
    "a large number as money": "{{ '1e999999999' | money: 'EUR' }}",
    "a tiny number": "{{ '1e-999999999' | plus: 1 }}",
    "a long number in words": "{{ '" + "9" * 9_000 + "' | plus: 1 }}",
    "a large round": "{{ 1.5 | round: 999999999 }}",
    "a long slice": "{{ 'abc' | slice: 0, 99999999999999999999 }}",
    "a far slice": "{{ 'abc' | slice: -99999999999999999999, 9 }}",
    "a long truncation": "{{ 'abc' | truncate: 999999999999 }}",
    "many truncated words": "{{ 'abc' | truncatewords: 99999999999 }}",
    "split into letters": DOUBLED
    + "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}{{ x | split: '' | size }}",
    "split and sorted": "{% assign l = (1..2000) | join: ',' | split: ',' %}"
    "{% for i in (1..2000) %}{{ l | sort | reverse | sort_natural | uniq | size }}{% endfor %}",
    "escaped again and again": "{{ '&&&&&&&&&&&&&&&&' " + "| escape " * 400 + "}}",
    "encoded again and again": "{{ '%%%%%%%%%%%%%%%%' " + "| url_encode " * 400 + "}}",
    "base64 again and again": "{{ 'aaaaaaaaaaaaaaaa' " + "| base64_encode " * 200 + "}}",
    "a search that goes back": DOUBLED
    + "{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}{% for i in (1..900) %}"
    "{{ x | replace: 'aaaaaaaaaaaaaaaaaaaaaaaaab', 'c' | remove: 'aaaaaaaaaaaaab' | size }}"
    "{% endfor %}",
    "a wide capture": "{% capture x %}{% for i in (1..2000) %}"
    + "y" * 900
    + "{% endfor %}{% endcapture %}{{ x | size }}",
    "captures in captures": "{% capture a %}" * 15
    + "{% for i in (1..2000) %}0123456789{% endfor %}"
    + "{% endcapture %}{{ a }}{{ a }}" * 15,
    "rows without end": "{% tablerow i in (1..2000) cols: 99999999999 %}{{ i }}{% endtablerow %}"
    * 6,
    "cycles": "{% for j in (1..4) %}{% for i in (1..2000) %}{% cycle "
    + ", ".join(f"'{n}'" for n in range(900))
    + " %}{% endfor %}{% endfor %}",
    "a case of many": "{% for i in (1..2000) %}{% case i %}"
    + "{% when -1 %}x" * 900
    + "{% endcase %}{% endfor %}",
    "a deep list of conditions": "{% for i in (1..2000) %}{% if "
    + " or ".join(["i == 0"] * 700)
    + " %}x{% endif %}{% endfor %}",
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
        blocks = {"itself": "{% render 'itself' %}"}
        source = TemplateSource.of("hostile", mjml=document(liquid), subject="x", blocks=blocks)
        rendered = compile_template(source).render({"a": 1})
        assert "object at" not in rendered.html
        assert "root:" not in rendered.html
    except AuthorError as refused:
        error = refused.message
    return {"error": error, "seconds": time.process_time() - start}


def attempt_apart(liquid: str) -> dict[str, object]:
    """The same in a process of its own, with the most memory that it used, in MB."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        try:
            os.write(writing, json.dumps(attempt(liquid)).encode())
        except BaseException as broken:  # noqa: BLE001 - whatever it is, it is the outcome
            os.write(writing, json.dumps({"broken": repr(broken)[:500]}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status, used = os.wait4(child, 0)
    outcome = json.loads(told) if told else {"broken": f"killed, status {status}"}
    return {**outcome, "mb": used.ru_maxrss / 1_000}


def outcomes_of(script: str) -> dict[str, dict[str, Any]]:
    """What became of each template, tried by a script that does as this one does."""
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    attempt("x")
    json.dump({name: attempt_apart(TEMPLATES[name]) for name in TEMPLATES}, sys.stdout)

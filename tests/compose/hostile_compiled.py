"""Hostile templates made ready for many people. As a script, tries them."""

import json
import sys
import time

import hostile
from vocative.compose import TemplateSource, compile_template
from vocative.errors import AuthorError


def attempt(liquid: str) -> dict[str, object]:
    """What became of a template's function, and the processor time it took to make and to run."""
    source = TemplateSource.of("hostile", mjml=hostile.document(liquid), subject="x")
    try:
        template = compile_template(source)
    except AuthorError:
        return {"refused_before": True}
    error, start = None, time.process_time()
    try:
        template.for_many({}).render({"a": 1})
    except AuthorError as refused:
        error = refused.message
    return {"error": error, "seconds": time.process_time() - start}


if __name__ == "__main__":
    hostile.attempt = attempt  # what is tried apart
    attempt("x")
    found = {name: hostile.attempt_apart(text) for name, text in hostile.TEMPLATES.items()}
    json.dump(found, sys.stdout)

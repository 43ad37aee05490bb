"""Templates as Python functions: what the interpreter does, with everything known decided before.

In comes Liquid that python-liquid has parsed, out goes a function that renders text or the bytes
of a mail's body. Whatever it does not cover, and every error, is left to the interpreter, so both
give the same text and refuse the same things. See decision 0013.
"""

from vocative.compose.compiler.program import CompiledText, Unsupported, compile_text
from vocative.compose.compiler.rows import ColumnTexts
from vocative.compose.compiler.wire import Body, CompiledBody, compile_body, quoted_printable

__all__ = [
    "Body",
    "ColumnTexts",
    "CompiledBody",
    "CompiledText",
    "Unsupported",
    "compile_body",
    "compile_text",
    "quoted_printable",
]

"""The types of the expression language, and the fields an expression can name."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Type(StrEnum):
    """What a value is. Numbers are 64-bit floats, integers 64-bit, instants microseconds UTC."""

    NUMBER = "number"
    INTEGER = "integer"
    TEXT = "text"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DATE = "date"
    INTERVAL = "interval"
    TEXT_LIST = "list of text"
    NULL = "null"


NUMERIC = frozenset({Type.NUMBER, Type.INTEGER})
MOMENTS = frozenset({Type.INSTANT, Type.DATE})

SQL_TYPES = {
    Type.NUMBER: "DOUBLE",
    Type.INTEGER: "BIGINT",
    Type.TEXT: "VARCHAR",
    Type.BOOLEAN: "BOOLEAN",
    Type.INSTANT: "TIMESTAMP",
    Type.DATE: "DATE",
    Type.INTERVAL: "INTERVAL",
    Type.TEXT_LIST: "VARCHAR[]",
    Type.NULL: "VARCHAR",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """Something an expression or a template can name."""

    name: str
    kind: Literal["trait", "feature", "score", "column"]
    type: Type
    nullable: bool = True
    personal: bool = False
    describe: str = ""

"""Liquid that names its data in its own way, as many shops and tools have it."""

from vocative.compose.dialects._liquid_family import LiquidFamily


class Liquid(LiquidFamily):
    """Liquid with names of its own: each becomes a trait of the person."""

    title = "Liquid"

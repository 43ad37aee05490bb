"""Predict: what is likely of a person, and which items they may want next."""

from vocative.predict.card import ModelCard, ModelSummary, card_markdown, headline
from vocative.predict.definitions import read_models
from vocative.predict.operations import drift, list_models, recommend, score, show_model, train

__all__ = [
    "ModelCard",
    "ModelSummary",
    "card_markdown",
    "drift",
    "headline",
    "list_models",
    "read_models",
    "recommend",
    "score",
    "show_model",
    "train",
]

"""Vocative: a self-hosted personalization engine for e-mail."""

__version__ = "0.1.0"

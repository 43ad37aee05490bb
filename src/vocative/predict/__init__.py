"""Predict: what is likely of a person, and which items they may want next."""

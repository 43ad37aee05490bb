"""Journeys: what happens to a person step by step, from what brings them in to the end."""

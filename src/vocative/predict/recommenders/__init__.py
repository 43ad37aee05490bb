"""Ways to choose items for a person: one per file."""

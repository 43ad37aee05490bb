"""Ways to learn a probability: one per file."""

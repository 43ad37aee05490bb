"""Liquid as templates may use it: its filters and tags, bounded, escaped, strict about names."""

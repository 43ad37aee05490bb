"""Where facts come from: one file each, found by its name."""

"""AMPscript: how it is read, and how it is written as Liquid."""

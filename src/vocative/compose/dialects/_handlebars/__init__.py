"""Handlebars and Mustache: how they are read, and how they are written as Liquid."""

"""Keeping destinations up to date: who is to be known there is compared with who was told.

Definitions of destinations and the people of the workspace come in, changes go out to
`destinations/`, and the ledger (`ledger.py`) notes before and after each batch what was told of
whom. People without leave to the definition's purpose are left out, and taken out where they were.
"""

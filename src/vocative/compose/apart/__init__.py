"""Rendering what somebody typed in a process apart."""

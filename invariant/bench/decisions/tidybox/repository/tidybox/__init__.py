"""Sorts a folder by rules, and can undo it."""

__version__ = "1.4.0"

"""Hostile input: repositories as strangers would write them, and the readers of strangers' bytes under fuzz."""

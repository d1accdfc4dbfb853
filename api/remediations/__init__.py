"""Remediations over HTTP: begin, watch, decide, stop, take back."""

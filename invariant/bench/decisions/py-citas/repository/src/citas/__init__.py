"""Citas de una clínica pequeña."""

"""Bestandsverwaltung für ein Ersatzteillager."""

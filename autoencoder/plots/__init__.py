"""Figures and movies. They take arrays and draw; no result is computed here."""

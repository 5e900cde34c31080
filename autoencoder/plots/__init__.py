"""Figures and movies. They take arrays and return pictures; they compute nothing, read nothing, save nothing."""

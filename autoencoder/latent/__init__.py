"""Representations over training, brought to the plane."""

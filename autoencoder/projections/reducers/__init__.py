"""Projections of one moment to the plane, a file each; `base` says what they have in common."""

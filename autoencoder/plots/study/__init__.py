"""Figures of a study: distances, courses, single numbers, the space of representations, planes of codes, sizes."""

"""Clips of video around chosen images: which images, in which videos, and the movie of them side by side."""

"""A run tested on held-out images, and runs side by side."""

"""A population of runs: its design, its measures over seeds and training, its statistics."""

"""What is measured of every run: over training, beside its controls, into the study's table."""

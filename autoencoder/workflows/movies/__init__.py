"""Movies of a run's latent space: projected, scored, drawn."""

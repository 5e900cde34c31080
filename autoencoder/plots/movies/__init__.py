"""A movie of the latent space: what its frames share, the parts of a frame, and the file."""

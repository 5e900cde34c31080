"""A video and a pose to crops that follow the animal; `prepare` puts the other modules together."""

"""A video to a data set: crops that follow an animal, or whole frames; `prepare` puts the other modules together."""

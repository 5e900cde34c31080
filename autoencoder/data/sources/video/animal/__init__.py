"""Who is followed in a video: individuals of a pose and the parts of their bodies, or what moves."""

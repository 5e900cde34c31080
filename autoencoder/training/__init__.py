"""A run in training: starting and resuming, what is learned, what is kept, and the loop around both."""

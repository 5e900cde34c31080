"""Codes to the plane: reducers, ways to fit them to all of training, and scores of what came out."""

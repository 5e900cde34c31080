"""Pieces of parsers, and flags that need a module of their own: those of the earlier work, and those of `visualize`."""

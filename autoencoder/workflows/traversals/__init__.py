"""Codes moved to other values: what traversals start from, and the two kinds of them; `traverse` does them all."""

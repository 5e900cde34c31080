"""The pieces of `workflows.traversing`: what traversals start from, and the two kinds of them."""

"""The page to explore a run with: what it shows, gathered, and written as one file."""

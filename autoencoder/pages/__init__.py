"""Pages to open in a browser: what they hold, and how it is put into one file."""

"""An evolution in files for other programs, a module for each format; `write` calls them."""

"""An evolution in files for other programs, a module for each format; `export` calls them."""

"""A network in a file for other programs, a module for each format; `export` calls these and writes a card beside."""

"""Animals of two conditions compared: `compare --by`."""

"""What a notebook shows of an object: a small table and a picture, and whole pages."""

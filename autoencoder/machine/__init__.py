"""What the computer and its system are asked for: files, memory, processor, terminal."""

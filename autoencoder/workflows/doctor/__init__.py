"""What `doctor` finds out: whether all is there that the commands need, on this machine."""

"""What is done to a square besides cutting it out: turning it, and evening out the light."""

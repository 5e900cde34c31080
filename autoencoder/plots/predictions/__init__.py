"""What networks predict of images, beside what is true: angles, classes, masks, quantities."""

"""From arrays to numbers: quality of images, angles, probes, and the likeness and shape of representations."""

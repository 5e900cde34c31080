"""From arrays to numbers: quality of images, angles, probes."""

"""Where images come from: a video with its pose, IDX files, a folder of pictures, a synthetic arena."""

"""What trackers write: the place of each body part in each frame of a video, in the formats that there are."""

"""What trackers write as HDF5, and how files of strangers of that kind are opened."""

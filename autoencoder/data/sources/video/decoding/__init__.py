"""The frames that ffmpeg decodes: whole, or a window of each."""

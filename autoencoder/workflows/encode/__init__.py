"""Codes of images in files, a module for each format; `encode` makes them and calls these."""

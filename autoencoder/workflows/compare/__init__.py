"""Runs side by side: the report of a comparison, and training the reference table for one."""

"""The formats of `workflows.exporting`, a module each."""

"""Stills of one snapshot: what each takes, computes and says; `look` puts them together."""

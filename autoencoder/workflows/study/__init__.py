"""A study: its runs trained and measured, and what came out as tables, sentences and figures."""

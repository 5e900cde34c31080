"""What was done in a study, in the words of a Methods section, a module for each part; `text` puts them together.

Numbers are those of the statistics and of the constants that the code computes with, so that the text follows both.
"""

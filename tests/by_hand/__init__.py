"""Histories calculated by hand beside the program, from the words of the language alone."""

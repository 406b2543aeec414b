"""Tests of the command line, and the small history that they share with the embedded run."""

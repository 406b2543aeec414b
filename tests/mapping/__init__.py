"""Tests of the import: mapping files, foreign files, and real data where it is present."""

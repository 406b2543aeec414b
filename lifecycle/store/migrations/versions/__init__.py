"""One script for each change of the tables, oldest first. A released script is never edited."""

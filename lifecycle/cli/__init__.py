"""The command line: the program, and what its commands share. It asks api.py and the rooms below; nothing asks it."""

"""The demo: invented people, and what the program makes of them. Uses what users use, and nothing uses it."""

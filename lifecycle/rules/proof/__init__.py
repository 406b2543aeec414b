"""Policy -> findings: the proof that nobody is forgotten. Knows the language alone, never the fold."""

"""Pure rules, from the text of a policy to what a person is told; no I/O, no clock, no randomness."""

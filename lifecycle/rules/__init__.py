"""Pure rules: policy, fold, facts, schedule, explanation. No I/O, no clock, no randomness."""

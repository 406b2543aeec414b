"""What is remembered of one person, as data and bounded. Knows no policy and decides nothing."""

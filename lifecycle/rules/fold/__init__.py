"""Machine and touchpoints -> state: the fold, its timers and tasks. Explains nothing; telling reads its trail."""

"""Scenario tables: read, run through the fold, compared and written. Knows neither proof nor telling."""

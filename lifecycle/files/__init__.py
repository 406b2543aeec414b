"""Files of an embedded run: touchpoint lines in, task messages out. Knows neither rules nor engine."""

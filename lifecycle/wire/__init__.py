"""How values travel: records in, messages out, and the schemas of both. Knows no Kafka and no file."""

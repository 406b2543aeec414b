"""What may be asked of a database, and the answers as data. Reads states and rules, writes nothing."""

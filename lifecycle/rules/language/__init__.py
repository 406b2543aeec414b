"""Text -> document -> names -> Policy: the language, its values, and reading it. Knows nothing of folding."""

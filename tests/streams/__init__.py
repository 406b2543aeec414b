"""Tests of the streams, on a real broker and a real PostgreSQL."""

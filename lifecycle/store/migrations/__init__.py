"""Alembic's folder: env.py says how to reach the database, versions/ holds one script for each change."""

"""Locks on the tables and of a run: patience, and who is in the way."""

"""Checks of what is around the tables: the server, roles, and other programs' objects."""

"""Checks of the tables themselves: their columns, constraints, names and rows."""

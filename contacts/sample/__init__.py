"""The legacy database to try the restructuring on: its schema and believable rows."""

"""The legacy database to try the restructuring on: its schema and believable rows."""

from contacts.sample.load import Size, build, find_objects

__all__ = ["Size", "build", "find_objects"]

"""The legacy database to try the restructuring on: its schema and believable rows."""

from contacts.sample.load import Size, Step, build, find_objects

__all__ = ["Size", "Step", "build", "find_objects"]

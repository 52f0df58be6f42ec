"""The modes that stand beside the migration: they look at it, or clear up after it."""

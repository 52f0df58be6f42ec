"""What ``migrate_contacts`` can do: one function a mode, each the story of its run."""

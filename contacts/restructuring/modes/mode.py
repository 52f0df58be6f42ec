"""The table of what ``migrate_contacts`` can do."""

MODES = {
    "migrate": "migration",
    "dry_run": "dry run",
    "rehearse": "rehearsal",
    "verify_only": "verification",
    "enforce": "enforcement",
    "rollback": "rollback",
    "restore": "restore",
    "recover": "recovery",
}
"""The names of the modes in reports, by the functions that run them."""
LOOKING = ("dry run",)
"""Modes that leave no files, for they only look."""

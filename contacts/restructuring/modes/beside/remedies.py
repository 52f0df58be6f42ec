"""What to run on a database that is at a stage on which a mode does not work."""

from contacts.restructuring.database.layout import Stage

REMEDIES = {
    Stage.LEGACY: "Run 'manage.py migrate_contacts' first.",
    Stage.MIGRATED: "It needs no migration; 'manage.py migrate_contacts --verify-only' checks it.",
    Stage.PREPARED: "It is prepared online: 'manage.py migrate_contacts' switches it, --prepare "
    "goes on with the preparation, and --abandon takes it away.",
    Stage.PARTIAL: "This is what the former Alembic migration leaves when it dies: run 'manage.py "
    "migrate_contacts --recover' to take it back to the legacy schema, then migrate.",
    Stage.EMPTY: "Check DATABASE_URL and the role's search_path; to try the tool, run 'manage.py "
    "load_legacy_sample'.",
    Stage.UNKNOWN: "The tool does not know this state, so it leaves it alone. Put right what is "
    "odd, or bring back a full backup of the database (pg_dump, a snapshot).",
}

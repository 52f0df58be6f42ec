"""Checks of what is around the tables: the server, other programs and their objects."""

from dataclasses import replace

from contacts.restructuring.checks.base import Check, Finding, Severity, Tag, problems
from contacts.restructuring.checks.environment import alembic, dependents, publications
from contacts.restructuring.checks.environment.privileges import RIGHTS
from contacts.restructuring.checks.tables import whole_rows
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from jmsk.postgres.prepared import OF_THE_TOOL

READ_ONLY = "default_transaction_read_only"


def writable(inspector: Inspector) -> Finding:
    """Whether the server takes writes from this role."""
    found = []
    if inspector.value("SELECT pg_is_in_recovery()"):
        found.append("The server is a standby: it only follows another one")
    if inspector.value("SELECT reset_val FROM pg_settings WHERE name = %s", [READ_ONLY]) == "on":
        found.append(f"{READ_ONLY} is on for this role or database")
    return problems(found)


def user_triggers(inspector: Inspector) -> Finding:
    """Find triggers and rules of others, which do not see the rows being placed."""
    found = inspector.rows(
        "SELECT 'Trigger', tgname, tgrelid::regclass FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid = ANY(%(tables)s::oid[]) "
        f"AND tgname !~ '{OF_THE_TOOL}' UNION ALL "
        "SELECT 'Rule', rulename, ev_class::regclass FROM pg_rewrite "
        "WHERE ev_class = ANY(%(tables)s::oid[]) ORDER BY 3, 2",
        {"tables": inspector.oids(LEGACY_NAMES)},
    )
    return problems(
        f"{kind} {name} on {table} does not see the restructuring" for kind, name, table in found
    )


def sessions(inspector: Inspector) -> Finding:
    """Find who else is connected to the database."""
    found = inspector.rows(
        "SELECT pid, usename, coalesce(nullif(application_name, ''), 'no name'), "
        "coalesce(host(client_addr), 'local'), coalesce(state, 'hidden') "
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        # Of other roles' sessions an ordinary role is not told even the type.
        "AND usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend' "
        "ORDER BY pid"
    )
    return problems(
        f"Session {pid}: user {user}, application {application}, from {host}, {state}"
        for pid, user, application, host, state in found
    )


WRITABLE = Check(
    "writable",
    "The server accepts writes",
    writable,
    "Point DATABASE_URL at the primary server, with a role that may write.",
)
SESSIONS = Check(
    "sessions",
    "Other connected sessions",
    sessions,
    "Put the application into maintenance mode: it is locked out meanwhile.",
    Severity.WARNING,
    frozenset({Tag.SESSIONS}),
)
CHECKS = (
    replace(
        RIGHTS,
        hint="Run as the tables' owner: set another user in DATABASE_URL. Where they belong to "
        "several roles, give them one owner, or the owner of companies SELECT and UPDATE on the "
        "others.",
    ),
    WRITABLE,
    dependents.CHECK,
    whole_rows.CHECK,
    Check(
        "user_triggers",
        "Triggers and rules of others on the tables",
        user_triggers,
        "They are switched off while rows are placed, and on again before COMMIT. Look whether "
        "they still do what they are for on the restructured tables.",
        Severity.WARNING,
    ),
    SESSIONS,
    publications.CHECK,
    alembic.CHECK,
)

"""Checks of what is around the tables: the server, other programs and their objects."""

from dataclasses import replace

from contacts.restructuring.checks.alembic import alembic
from contacts.restructuring.checks.base import Check, Finding, Severity, problems
from contacts.restructuring.checks.privileges import RIGHTS
from contacts.restructuring.checks.publications import publications
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES


def writable(inspector: Inspector) -> Finding:
    found = []
    if inspector.value("SELECT pg_is_in_recovery()"):
        found.append("The server is a standby: it only follows another one")
    if inspector.value("SELECT reset_val FROM pg_settings WHERE name = %s", [READ_ONLY]) == "on":
        found.append(f"{READ_ONLY} is on for this role or database")
    return problems(found)


READ_ONLY = "default_transaction_read_only"


def dependents(inspector: Inspector) -> Finding:
    """Functions and views whose text names what goes. A view goes on working; a function fails."""
    functions = inspector.rows(
        r"SELECT p.oid::regprocedure::text FROM pg_proc p "
        r"JOIN pg_namespace n ON n.oid = p.pronamespace "
        r"WHERE p.prosrc ~* '\m(customers|customer_id)\M' AND n.nspname !~ '^pg_' "
        r"AND n.nspname <> 'information_schema' ORDER BY 1"
    )
    views = inspector.rows(
        "SELECT DISTINCT v.oid::regclass::text FROM pg_depend d "
        "JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass "
        "JOIN pg_class v ON v.oid = w.ev_class "
        "WHERE d.refobjid = ANY(%s::oid[]) AND v.relkind IN ('v', 'm') ORDER BY 1",
        [[inspector.layout.tables[name].oid for name in ("customers", "orders")]],
    )
    return problems(
        [f"Function {name} names customers or customer_id in its text" for (name,) in functions]
        + [f"View {name} reads customers or orders; it follows the new names" for (name,) in views]
    )


def user_triggers(inspector: Inspector) -> Finding:
    found = inspector.rows(
        "SELECT 'Trigger', tgname, tgrelid::regclass FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid = ANY(%(tables)s::oid[]) UNION ALL "
        "SELECT 'Rule', rulename, ev_class::regclass FROM pg_rewrite "
        "WHERE ev_class = ANY(%(tables)s::oid[]) ORDER BY 3, 2",
        {"tables": [inspector.layout.tables[name].oid for name in LEGACY_NAMES]},
    )
    return problems(
        f"{kind} {name} on {table} does not see the restructuring" for kind, name, table in found
    )


def sessions(inspector: Inspector) -> Finding:
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
    Severity.ERROR,
    writable,
    "Point DATABASE_URL at the primary server, with a role that may write.",
)
CHECKS = (
    replace(
        RIGHTS,
        hint="Run as the tables' owner: set another user in DATABASE_URL. Where they belong to "
        "several roles, give them one owner, or the owner of companies SELECT and UPDATE on the "
        "others.",
    ),
    WRITABLE,
    Check(
        "dependents",
        "Functions and views that name what goes",
        Severity.WARNING,
        dependents,
        "Change these functions together with the application.",
    ),
    Check(
        "user_triggers",
        "Triggers and rules of others on the tables",
        Severity.WARNING,
        user_triggers,
        "Nothing to do: they are switched off while rows are placed, and on again before COMMIT.",
    ),
    Check(
        "sessions",
        "Other connected sessions",
        Severity.WARNING,
        sessions,
        "Put the application into maintenance mode: it is locked out while the migration runs.",
    ),
    Check(
        "publications",
        "Logical replication of the tables",
        Severity.WARNING,
        publications,
        "Subscribers do not follow a change of schema: restructure or re-create them as well.",
    ),
    Check(
        "alembic_version",
        "Alembic's record",
        Severity.WARNING,
        alembic,
        "The application's next 'alembic upgrade head' must not run its own migration of these "
        "tables: stamp another revision with --alembic-stamp, or take that migration out.",
    ),
)

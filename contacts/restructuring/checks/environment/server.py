"""Checks of what is around the tables: the server, other programs and their objects."""

from dataclasses import replace

from contacts.restructuring.checks.base import Check, Finding, Severity, Tag, problems
from contacts.restructuring.checks.environment import (
    alembic,
    dependents,
    django_project,
    publications,
)
from contacts.restructuring.checks.environment.dependents import LEGACY_WORDS
from contacts.restructuring.checks.environment.privileges import RIGHTS
from contacts.restructuring.checks.tables import whole_rows
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from jmsk.postgres.prepared import OF_THE_TOOL

READ_ONLY = "default_transaction_read_only"
MAY_READ_JOBS = (
    "SELECT has_schema_privilege('cron', 'USAGE') AND has_table_privilege('cron.job', 'SELECT')"
)
JOBS = """
    SELECT coalesce(to_jsonb(job) ->> 'jobname', jobid::text) FROM cron.job
     WHERE command ~* %(words)s
       AND coalesce(to_jsonb(job) ->> 'database', current_database()) = current_database()
     ORDER BY jobid
"""


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


def event_triggers(inspector: Inspector) -> Finding:
    """Find event triggers, which run with the statements that change the schema."""
    found = inspector.rows(
        "SELECT evtname, evtevent, evtfoid::regproc FROM pg_event_trigger "
        "WHERE evtenabled <> 'D' ORDER BY 1"
    )
    return problems(
        f"Event trigger {name} runs {function} at {event} of the run's statements"
        for name, event, function in found
    )


def scheduled_jobs(inspector: Inspector) -> Finding:
    """Find jobs of pg_cron that name what is renamed. Their commands may hold secrets."""
    if inspector.value("SELECT to_regclass('cron.job') IS NULL"):
        return Finding()
    if not inspector.value(MAY_READ_JOBS):
        return problems(["The database has jobs of pg_cron; the role may not read what they name"])
    return problems(
        f"Job {job} of pg_cron names customers or customer_id"
        for (job,) in inspector.rows(JOBS, {"words": LEGACY_WORDS})
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
        "others. Where each run gets a role of its own, let all of them act as one owner: "
        "DATABASE_URL=…?options=-c%20role%3DOWNER",
    ),
    WRITABLE,
    django_project.CHECK,
    dependents.CHECK,
    whole_rows.CHECK,
    Check(
        "user_triggers",
        "No trigger or rule of others is on the tables",
        user_triggers,
        "They are switched off while rows are placed, and on again before COMMIT. Look whether "
        "they still do what they are for on the restructured tables.",
        Severity.WARNING,
    ),
    Check(
        "event_triggers",
        "Event triggers",
        event_triggers,
        "Ask who made them: one that fails, or refuses what it is told, rolls the run back. "
        "--rehearse shows it, with readers and writers locked out.",
        Severity.WARNING,
    ),
    Check(
        "scheduled_jobs",
        "No scheduled job names what goes",
        scheduled_jobs,
        "Change these jobs together with the application.",
        Severity.WARNING,
    ),
    SESSIONS,
    publications.CHECK,
    alembic.CHECK,
)

"""Checks of what is around the tables: the server, other programs and their objects."""

from collections.abc import Iterator
from dataclasses import replace

from contacts.restructuring.checks.base import Severity, Tag, check
from contacts.restructuring.checks.environment.alembic import alembic_version
from contacts.restructuring.checks.environment.dependents import (
    LEGACY_WORDS,
    names_in_functions_and_views,
)
from contacts.restructuring.checks.environment.django_project import django_project
from contacts.restructuring.checks.environment.privileges import rights
from contacts.restructuring.checks.environment.publications import publications
from contacts.restructuring.checks.tables.whole_rows import WHOLE_ROWS
from contacts.restructuring.database.inspector import Inspector
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


@check(
    "The server accepts writes",
    "Point DATABASE_URL at the primary server, with a role that may write.",
)
def writable(inspector: Inspector) -> Iterator[str]:
    if inspector.value("SELECT pg_is_in_recovery()"):
        yield "The server is a standby: it only follows another one"
    if inspector.value("SELECT reset_val FROM pg_settings WHERE name = %s", [READ_ONLY]) == "on":
        yield f"{READ_ONLY} is on for this role or database"


@check(
    "No trigger or rule of others is on the tables",
    "They are switched off while rows are placed, and on again before COMMIT. Look whether "
    "they still do what they are for on the restructured tables.",
    Severity.WARNING,
)
def user_triggers(inspector: Inspector) -> Iterator[str]:
    found = inspector.rows(
        "SELECT 'Trigger', tgname, tgrelid::regclass FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid = ANY(%(tables)s::oid[]) "
        f"AND tgname !~ '{OF_THE_TOOL}' UNION ALL "
        "SELECT 'Rule', rulename, ev_class::regclass FROM pg_rewrite "
        "WHERE ev_class = ANY(%(tables)s::oid[]) ORDER BY 3, 2",
        {"tables": inspector.oids()},
    )
    for kind, name, table in found:
        yield f"{kind} {name} on {table} does not see the restructuring"


@check(
    "Event triggers",
    "Ask who made them: one that fails, or refuses what it is told, rolls the run back. "
    "--rehearse shows it, with readers and writers locked out.",
    Severity.WARNING,
)
def event_triggers(inspector: Inspector) -> Iterator[str]:
    found = inspector.rows(
        "SELECT evtname, evtevent, evtfoid::regproc FROM pg_event_trigger "
        "WHERE evtenabled <> 'D' ORDER BY 1"
    )
    for name, event, function in found:
        yield f"Event trigger {name} runs {function} at {event} of the run's statements"


@check(
    "No scheduled job names what goes",
    "Change these jobs together with the application.",
    Severity.WARNING,
)
def scheduled_jobs(inspector: Inspector) -> Iterator[str]:
    """Find jobs of pg_cron that name what is renamed. Their commands may hold secrets."""
    if inspector.value("SELECT to_regclass('cron.job') IS NULL"):
        return
    if not inspector.value(MAY_READ_JOBS):
        yield "The database has jobs of pg_cron; the role may not read what they name"
        return
    for job in inspector.column(JOBS, {"words": LEGACY_WORDS}):
        yield f"Job {job} of pg_cron names customers or customer_id"


@check(
    "Other connected sessions",
    "Put the application into maintenance mode: it is locked out meanwhile.",
    Severity.WARNING,
    tags=[Tag.SESSIONS],
)
def sessions(inspector: Inspector) -> Iterator[str]:
    found = inspector.rows(
        "SELECT pid, usename, coalesce(nullif(application_name, ''), 'no name'), "
        "coalesce(host(client_addr), 'local'), coalesce(state, 'hidden') "
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        # Of other roles' sessions an ordinary role is not told even the type.
        "AND usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend' "
        "ORDER BY pid"
    )
    for pid, user, application, host, state in found:
        yield f"Session {pid}: user {user}, application {application}, from {host}, {state}"


CHECKS = (
    replace(
        rights,
        hint="Run as the tables' owner: set another user in DATABASE_URL. Where they belong to "
        "several roles, give them one owner, or the owner of companies SELECT and UPDATE on the "
        "others. Where each run gets a role of its own, let all of them act as one owner: "
        "DATABASE_URL=…?options=-c%20role%3DOWNER",
    ),
    writable,
    django_project,
    names_in_functions_and_views,
    WHOLE_ROWS,
    user_triggers,
    event_triggers,
    scheduled_jobs,
    sessions,
    publications,
    alembic_version,
)

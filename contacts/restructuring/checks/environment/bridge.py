"""Checks of the bridge: before it is made, who will see it; afterwards, whether it is whole."""

from collections.abc import Iterator
from functools import partial

from contacts.restructuring.bridge.columns import missing_columns
from contacts.restructuring.bridge.description import BridgeOptions, read_bridge
from contacts.restructuring.bridge.grants import INVOKER_VERSION
from contacts.restructuring.bridge.roles import role_views, users_of
from contacts.restructuring.bridge.usage import told
from contacts.restructuring.bridge.verify import bridge_problems
from contacts.restructuring.checks.base import Check, Finding, Severity, problems
from contacts.restructuring.checks.environment.privileges import grant
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage

SCHEMA_TAKEN = """
    SELECT EXISTS (SELECT 1 FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
                      AND refobjid = to_regnamespace(quote_ident(%s))),
           to_regnamespace(quote_ident(%s)) IS NULL,
           coalesce(has_schema_privilege(to_regnamespace(quote_ident(%s))::oid, 'CREATE'), false),
           has_database_privilege(current_database(), 'CREATE')
"""
SECURED = """
    SELECT c.relname FROM pg_class c WHERE c.oid = ANY(%s::oid[]) AND c.relrowsecurity ORDER BY 1
"""
MAY_ALTER = """
    SELECT r.rolname FROM pg_roles r, pg_roles me
     WHERE r.rolname = ANY(%(roles)s) AND me.rolname = current_user
       AND NOT (me.rolsuper OR r.oid = me.oid
                OR me.rolcreaterole AND NOT r.rolsuper
                   AND (current_setting('server_version_num')::integer < 160000
                        OR pg_has_role(r.oid, 'MEMBER')))
     ORDER BY 1
"""
NAMED_IN_FUNCTIONS = r"""
    SELECT p.oid::regprocedure::text, p.prosrc ~* '\mcustomers_id_seq\M',
           p.prosrc ~* '\mtruncate\s+(table\s+)?(only\s+)?(customers|orders)\M',
           p.prosrc ~* '\minsert\s+into\s+customers\M[^;]*\mon\s+conflict\M',
           p.prosrc ~* '\m(customers|customer_id)\M'
           AND EXISTS (SELECT 1 FROM unnest(p.proconfig) AS item
                        WHERE item LIKE 'search_path=%%' AND strpos(item, %(schema)s) = 0)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prosrc ~* '\m(customers|customer_id|customers_id_seq|orders)\M'
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', %(schema)s)
       AND p.proname !~ '^trg_'
     ORDER BY 1
"""
WITH_ROW_TYPE = """
    SELECT p.oid::regprocedure::text, c.relname FROM pg_proc p JOIN pg_class c
           ON c.reltype = p.prorettype OR c.reltype = ANY(p.proargtypes::oid[])
     WHERE c.oid = ANY(%s::oid[]) ORDER BY 1
"""
JOBS = "SELECT to_regclass('cron.job') IS NOT NULL"
NAMED_IN_JOBS = r"""
    SELECT jobid::text FROM cron.job
     WHERE database = current_database() AND command ~* '\m(customers|customer_id)\M' ORDER BY jobid
"""


def can_be_made(inspector: Inspector, wanted: BridgeOptions) -> Iterator[str]:
    """Whether the bridge can be made in its schema, and its roles be led to it."""
    yield from _schema_problems(inspector, wanted.schema)
    yield from _table_problems(inspector)
    yield from _role_problems(inspector, wanted.roles)


def _schema_problems(inspector: Inspector, schema: str) -> Iterator[str]:
    role, database = inspector.row("SELECT current_user, current_database()")
    if schema == inspector.layout.schema or schema.startswith("pg_"):
        yield f"The bridge cannot stand in schema {schema}: name another with --bridge-schema"
        return
    taken, missing, may_use, may_create = inspector.row(SCHEMA_TAKEN, [schema] * 3)
    if taken:
        yield f"Schema {schema} holds something already: name another with --bridge-schema"
    if missing and not may_create:
        remedy = grant(inspector, "GRANT CREATE ON DATABASE {} TO {}", database, role)
        yield f"Role {role} may not create a schema in database {database}{remedy}"
    if not missing and not may_use:
        remedy = grant(inspector, "GRANT CREATE ON SCHEMA {} TO {}", schema, role)
        yield f"Role {role} may not create in schema {schema}{remedy}"


def _table_problems(inspector: Inspector) -> Iterator[str]:
    tables = inspector.layout.tables
    if inspector.layout.stage is Stage.MIGRATED:
        for name in missing_columns(inspector.cursor, inspector.layout):
            yield f"The legacy column {name} is gone, which the legacy application reads"
    if inspector.cursor.connection.server_version >= INVOKER_VERSION:
        return
    read = _people_and_orders(inspector)
    for name in inspector.column(SECURED, [inspector.oids(read)]):
        yield (
            f"{name} has row-level security, which a view cannot keep before PostgreSQL 15: it "
            "would show everybody what its owner sees"
        )
    owners = sorted({tables[name].owner for name in (*read, "companies")})
    if len(owners) > 1:
        yield (
            f"The tables belong to {', '.join(owners)}: before PostgreSQL 15 a view reads with the "
            "rights of its one owner"
        )


def _role_problems(inspector: Inspector, roles: tuple[str, ...]) -> Iterator[str]:
    known = {found.role for found in role_views(inspector.cursor, roles)}
    for role in roles:
        if role not in known:
            yield f"There is no role {role}, which --bridge-role names"
    for role in inspector.column(MAY_ALTER, {"roles": list(roles)}):
        yield (
            f"This role may not alter {role}: leave --bridge-role out and have an administrator "
            "set its search_path"
        )


def who_sees_it(inspector: Inspector, wanted: BridgeOptions) -> Iterator[str]:
    """Each role with rights or sessions, whose search path does not lead to the bridge."""
    read = inspector.oids(_people_and_orders(inspector))
    own = inspector.value("SELECT session_user")
    for found in users_of(inspector.cursor, read):
        leads = found.sees(wanted.schema) or found.role in wanted.roles
        if found.role == own and leads:
            yield (
                f"Role {own} will see the bridge, and is this tool's and its admin's own: give "
                "these another role, or ?options=-csearch_path%3D"
                f"{inspector.layout.schema} in DATABASE_URL"
            )
        elif not leads and found.role != own:
            statement = found.statement(inspector.cursor, wanted.schema)
            yield f"Role {found.role} will not see the bridge: {statement}"


def _people_and_orders(inspector: Inspector) -> list[str]:
    return [name for name in ("customers", "contacts", "orders") if name in inspector.layout.tables]


def names_out_of_reach(inspector: Inspector, schema: str) -> Iterator[str]:
    """What names the old tables in a way that the bridge cannot serve."""
    for name, sequence, truncates, upserts, pinned in inspector.rows(
        NAMED_IN_FUNCTIONS, {"schema": schema}
    ):
        if sequence:
            yield f"Function {name} names customers_id_seq, which becomes contacts_id_seq"
        if truncates:
            yield f"Function {name} truncates a table that becomes a view"
        if upserts:
            yield f"Function {name} inserts ON CONFLICT into customers, which a view refuses"
        if pinned:
            yield f"Function {name} has a search_path of its own, which does not lead to {schema}"
    read = inspector.oids(_people_and_orders(inspector))
    for name, table in inspector.rows(WITH_ROW_TYPE, [read]):
        yield f"Function {name} takes or returns rows of {table}, which those of a view are not"
    if inspector.value(JOBS):
        for job in inspector.column(NAMED_IN_JOBS):
            yield f"Job {job} of pg_cron names customers: its role needs the search_path too"


def whole(inspector: Inspector) -> Finding:
    """Whether the bridge, if one stands, is what was made; since when, and how much it is used."""
    bridge = read_bridge(inspector.cursor)
    if bridge is None:
        return Finding(note="no bridge stands")
    if found := list(bridge_problems(inspector.cursor, inspector.layout, bridge)):
        return problems(found)
    return Finding(note=f"the bridge {told(inspector.cursor, bridge)}")


def bridge_checks(wanted: BridgeOptions) -> tuple[Check, ...]:
    """Return the checks before a bridge is made as it is ``wanted``."""
    return (
        Check(
            "bridge_possible",
            "The bridge can be made",
            partial(can_be_made, wanted=wanted),
            "Put that right, or run without --bridge.",
        ),
        Check(
            "bridge_roles",
            "Every role will see the bridge",
            partial(who_sees_it, wanted=wanted),
            "Run these statements days before, and let connections renew: a schema that is not "
            "there is no error in a search_path. Or name the roles with --bridge-role. What a "
            "session sets itself (options= in its URL) cannot be seen here.",
            Severity.WARNING,
        ),
        Check(
            "bridge_limits",
            "The bridge serves every function and job",
            partial(names_out_of_reach, schema=wanted.schema),
            "Change these together with the migration.",
            Severity.WARNING,
        ),
    )


WHOLE = Check(
    "bridge",
    "The bridge is as it was made",
    whole,
    "Run 'manage.py migrate_contacts --repair', which makes it anew.",
)

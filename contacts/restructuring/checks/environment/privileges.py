"""Checks of what the role may do, each with the statement that lets it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from django.conf import settings

from contacts.restructuring.checks.base import Finding, Found, check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.sequences import DJANGO_TABLES
from contacts.restructuring.state.expected import triggers
from contacts.restructuring.state.record import read_record
from jmsk.postgres.django_schema import own_name
from jmsk.postgres.queries import compose
from jmsk.postgres.references import foreign_keys_to

MAY_READ_AND_UPDATE = (
    "SELECT has_table_privilege(%s, %s::oid, 'SELECT'), has_table_privilege(%s, %s::oid, 'UPDATE')"
)
FOREIGN_OWNERS = """
    SELECT what, pg_get_userbyid(owner), (SELECT rolsuper FROM pg_roles WHERE oid = owner)
      FROM (SELECT c.relname, c.relowner FROM pg_class c WHERE c.oid = ANY(%(tables)s::oid[])
            UNION
            SELECT c.relname || ', which keeps the record', c.relowner FROM pg_class c
             WHERE c.oid IN (SELECT to_regclass(name) FROM unnest(%(django)s) AS name)
            UNION
            SELECT 'function ' || p.proname, p.proowner FROM pg_proc p
             WHERE p.proname = ANY(%(functions)s)
               AND p.pronamespace = to_regnamespace(quote_ident(%(schema)s))
            UNION
            SELECT 'sequence ' || s.relname, s.relowner
              FROM pg_attrdef d
              JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                              AND p.refclassid = 'pg_class'::regclass
              JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
             WHERE d.adrelid = ANY(%(tables)s::oid[])
               AND NOT EXISTS (SELECT 1 FROM pg_depend o
                                WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid
                                  AND o.refobjid = ANY(%(tables)s::oid[]) AND o.deptype = 'a')
           ) AS needed (what, owner)
     WHERE NOT pg_has_role(owner, 'USAGE') ORDER BY 1
"""
MAY_READ = """
    SELECT has_schema_privilege(relnamespace, 'USAGE'), has_table_privilege(oid, 'SELECT'),
           row_security_active(oid)
      FROM pg_class WHERE oid = %s
"""


@check(
    "Rights on the tables and their schema",
    "Run as the tables' owner: set another user in DATABASE_URL.",
)
def rights(inspector: Inspector) -> Iterator[str]:
    """Whether the role may change what is there, and the owner of companies use what is made."""
    yield from _missing_rights(inspector)
    yield from _rights_of_owners(inspector)


def _missing_rights(inspector: Inspector) -> Iterator[str]:
    """Whether the role owns what is changed, and may make things beside it."""
    role = inspector.value("SELECT current_user")
    wanted = {
        "tables": inspector.oids(inspector.layout.tables),
        "django": [own_name(table) for table in DJANGO_TABLES],
        "functions": list(triggers()),
        "schema": inspector.layout.schema,
    }
    for what, owner, is_superuser in inspector.rows(FOREIGN_OWNERS, wanted):
        # Whoever is a member of a superuser is one: that is not for us to propose.
        remedy = "" if is_superuser else grant(inspector, "GRANT {} TO {}", owner, role)
        yield f"Role {role} is not a member of {owner}, the owner of {what}{remedy}"
    yield from _schema_rights(inspector, role)
    yield from _rights_on_django_schema(inspector, role)


def _schema_rights(inspector: Inspector, role: str) -> Iterator[str]:
    schema = inspector.layout.schema
    if inspector.value("SELECT to_regnamespace(quote_ident(%s)) IS NULL", [schema]):
        yield f"There is no schema {schema}{grant(inspector, 'CREATE SCHEMA {}', schema)}"
        return
    for privilege, verb in (("USAGE", "use"), ("CREATE", "create in")):
        if not inspector.value("SELECT has_schema_privilege(%s, %s)", [schema, privilege]):
            remedy = grant(inspector, f"GRANT {privilege} ON SCHEMA {{}} TO {{}}", schema, role)
            yield f"Role {role} may not {verb} schema {schema}{remedy}"


def _rights_on_django_schema(inspector: Inspector, role: str) -> Iterator[str]:
    schema = settings.DJANGO_SCHEMA
    if not schema:
        return
    if inspector.value("SELECT to_regnamespace(%s) IS NULL", [schema]):
        may, database = inspector.row(
            "SELECT has_database_privilege(current_database(), 'CREATE'), current_database()"
        )
        if not may:
            remedy = grant(inspector, "GRANT CREATE ON DATABASE {} TO {}", database, role)
            yield f"Role {role} may not create the schema {schema} (DJANGO_SCHEMA){remedy}"
        return
    for privilege in ("USAGE", "CREATE"):
        if not inspector.value("SELECT has_schema_privilege(%s, %s)", [schema, privilege]):
            remedy = grant(inspector, f"GRANT {privilege} ON SCHEMA {{}} TO {{}}", schema, role)
            yield f"Role {role} lacks {privilege} on schema {schema} (DJANGO_SCHEMA){remedy}"


def _rights_of_owners(inspector: Inspector) -> Iterator[str]:
    """What the owner of companies lacks: addresses is to be its own, the triggers use its rights.

    The latter only before a migration: what it made goes with a rollback.
    """
    schema, companies = inspector.layout.schema, inspector.layout.tables["companies"]
    owner = companies.owner
    if not inspector.value("SELECT has_schema_privilege(%s, %s, 'CREATE')", [owner, schema]):
        remedy = grant(inspector, "GRANT CREATE ON SCHEMA {} TO {}", schema, owner)
        yield f"Role {owner}, which is to own addresses, may not create in schema {schema}{remedy}"
    for name in ("customers", "orders") if "customers" in inspector.layout.tables else ():
        oid = inspector.layout.tables[name].oid
        if not all(inspector.row(MAY_READ_AND_UPDATE, [owner, oid, owner, oid])):
            remedy = grant(inspector, "GRANT SELECT, UPDATE ON {} TO {}", (schema, name), owner)
            yield (
                f"Role {owner}, whose rights the triggers use, may not read and update "
                f"{name}{remedy}"
            )


@check(
    "Temporary tables may be made",
    "The rows of the backup are loaded into them. Whoever owns the database may grant it.",
)
def temporary_tables(inspector: Inspector) -> Iterator[str]:
    if inspector.value("SELECT has_database_privilege(current_database(), 'TEMPORARY')"):
        return
    role, database = inspector.row("SELECT current_user, current_database()")
    remedy = grant(inspector, "GRANT TEMPORARY ON DATABASE {} TO {}", database, role)
    yield f"Role {role} may not create temporary tables in database {database}{remedy}"


@check(
    "Tables that refer to these can be read",
    "Their rows may refer to rows that would go. Whoever owns them may grant it.",
)
def referring_tables(inspector: Inspector) -> Found:
    return _unreadable(inspector, inspector.layout.tables)


@check(
    "Tables that refer to companies can be read",
    "Their rows may refer to companies that the migration created. Whoever owns them may grant it.",
    name=referring_tables.id,
)
def referring_to_created(inspector: Inspector) -> Found:
    if not inspector.once(read_record).created_companies:
        return Finding(note="the migration created no company, so none goes")
    return _unreadable(inspector, ["companies"])


def _unreadable(inspector: Inspector, names: Iterable[str]) -> Iterator[str]:
    """Whether the role sees which rows of others refer to rows of the tables ``names``."""
    role, tables = inspector.value("SELECT current_user"), inspector.layout.tables
    to, ours = inspector.oids(names), inspector.oids(tables)
    keys = {(key.oid, key.target): key for key in foreign_keys_to(inspector.cursor, to, ours)}
    for key in keys.values():
        schema, name, target = key.schema, key.table, key.target
        may_use, may_read, hidden = inspector.row(MAY_READ, [key.oid])
        if not may_use:
            remedy = grant(inspector, "GRANT USAGE ON SCHEMA {} TO {}", schema, role)
            told = f"Role {role} may not use schema {schema}, where {name} refers to {target}"
            yield f"{told}{remedy}"
        if not may_read:
            remedy = grant(inspector, "GRANT SELECT ON {} TO {}", (schema, name), role)
            yield f"Role {role} may not read {name}, which refers to {target}{remedy}"
        elif hidden:
            yield (
                f"Row-level security hides rows of {name}, which refers to {target}, from role "
                f"{role}: use a role with BYPASSRLS"
            )


def grant(inspector: Inspector, template: str, *names: str | tuple[str, ...]) -> str:
    """Return ``: `` and the statement in which ``names`` stand, quoted, for the ``{}``."""
    return f": {inspector.text(compose(template, *names))}"


own_rights = replace(rights, find=_missing_rights)
"""For a restore, which makes neither addresses nor triggers."""

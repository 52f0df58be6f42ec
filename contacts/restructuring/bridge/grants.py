"""What may be done with a table may be done with the view over it, column by column."""

from dataclasses import dataclass, replace
from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge.columns import ViewColumn
from contacts.restructuring.bridge.description import ColumnGrant
from contacts.restructuring.database.tables import Table
from jmsk.postgres.queries import column, compose, execute, rows, value

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
HELD = """
    SELECT NULL, x.privilege_type, x.is_grantable,
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END AS role
      FROM pg_class c, aclexplode(c.relacl) AS x
     WHERE c.oid = %(relation)s AND x.privilege_type = ANY(%(privileges)s)
       AND x.grantee <> c.relowner
    UNION ALL
    SELECT a.attname, x.privilege_type, x.is_grantable,
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END
      FROM pg_attribute a, aclexplode(a.attacl) AS x
     WHERE a.attrelid = %(relation)s AND a.attnum > 0 AND NOT a.attisdropped
       AND x.privilege_type = ANY(%(privileges)s)
     ORDER BY 4, 2, 1
"""
NEEDED = """
    SELECT DISTINCT holder.name, n.gives, n.also
      FROM pg_attribute a, aclexplode(a.attacl) AS x,
           LATERAL (SELECT CASE x.grantee WHEN 0 THEN 'public'
                                          ELSE pg_get_userbyid(x.grantee) END AS name) AS holder,
           (VALUES ('email', 'UPDATE', 'email_set_aside'),
                   ('company_id', 'UPDATE', 'placed_in_company_id'),
                   ('company_id', 'SELECT', 'placed_in_company_id')) AS n (held, gives, also)
     WHERE a.attrelid = %(table)s AND NOT a.attisdropped
       AND (x.privilege_type, a.attname) = ('UPDATE', n.held)
       AND NOT has_column_privilege(holder.name, %(table)s, n.also, n.gives)
     ORDER BY 1, 2, 3
"""
"""What is written with a column that a role may write, where it may write some columns only."""
BY_COLUMN = """
    SELECT EXISTS (SELECT 1 FROM pg_attribute
                    WHERE attrelid = %(table)s AND attacl IS NOT NULL AND NOT attisdropped)
           AND NOT (SELECT relrowsecurity FROM pg_class WHERE oid = %(table)s)
"""
INVOKER_VERSION = 150000
"""From here on a view can read with the rights, and the row-level security, of who asks."""


@dataclass(frozen=True)
class Grant:
    """A right on a view. ``column`` is None for a right on the whole of it."""

    column: str | None
    privilege: str
    grantable: bool
    role: str

    def statement(self, schema: str, view: str) -> sql.Composed:
        """Return the GRANT."""
        columns = compose(" ({})", self.column) if self.column else sql.SQL("")
        option = " WITH GRANT OPTION" if self.grantable else ""
        grant = f"GRANT {self.privilege}{{}} ON {{}} TO {{}}{option}"
        return compose(grant, columns, (schema, view), role_name(self.role))


def role_name(role: str) -> sql.Composable:
    """Return the role, quoted; PUBLIC is no role, and stands as it is."""
    return sql.SQL("PUBLIC") if role.upper() == "PUBLIC" else sql.Identifier(role)


def held_on(cursor: Any, relation: int) -> list[Grant]:
    """Return the rights that others than the owner hold on a table or view."""
    asked = {"relation": relation, "privileges": list(PRIVILEGES)}
    return [Grant(*found) for found in rows(cursor, HELD, asked)]


def wanted_grants(cursor: Any, table: Table, columns: tuple[ViewColumn, ...]) -> list[Grant]:
    """Return the rights on the view of ``table`` that match those on the table."""
    names: dict[str | None, str | None] = {
        None: None,
        **{each.base.name: each.name for each in columns},
    }
    held = held_on(cursor, table.oid)
    return [replace(one, column=names[one.column]) for one in held if one.column in names]


def needed_columns(cursor: Any, contacts: Table) -> tuple[ColumnGrant, ...]:
    """Return the rights on columns of contacts that the view asks for and somebody lacks."""
    return tuple(ColumnGrant(*found) for found in rows(cursor, NEEDED, {"table": contacts.oid}))


def give(cursor: Any, contacts: Table, grants: tuple[ColumnGrant, ...]) -> None:
    """Give the rights on columns of contacts."""
    _each(cursor, contacts, grants, "GRANT {privilege} ({column}) ON {table} TO {role}")


def take_back(cursor: Any, contacts: Table, grants: tuple[ColumnGrant, ...]) -> None:
    """Take back the rights on columns of contacts, of the roles that are still there."""
    roles = {"public", *column(cursor, "SELECT rolname FROM pg_roles")}
    present = tuple(
        grant for grant in grants if grant.role in roles and grant.column in contacts.column_names
    )
    _each(cursor, contacts, present, "REVOKE {privilege} ({column}) ON {table} FROM {role}")


def _each(cursor: Any, contacts: Table, grants: tuple[ColumnGrant, ...], template: str) -> None:
    for grant in grants:
        execute(
            cursor,
            template,
            privilege=sql.SQL(grant.privilege),
            column=grant.column,
            table=contacts.identifier,
            role=role_name(grant.role),
        )


def reads_as_invoker(cursor: Any, table: Table) -> bool:
    """Return whether the view of ``table`` is to read with the rights of who asks.

    Not where roles hold rights on single columns: the server then asks for all that the view names,
    whatever is read of it. Where there is row-level security it has to.
    """
    if cursor.connection.server_version < INVOKER_VERSION:
        return False
    return not value(cursor, BY_COLUMN, {"table": table.oid})

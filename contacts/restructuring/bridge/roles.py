"""Which roles see the bridge, and how to let one see it."""

import re
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from contacts.restructuring.bridge.description import RolePath
from jmsk.postgres.queries import column, compose, execute, listed, rows, spelled, value

SETTINGS = """
    SELECT pg_get_userbyid(r.role) AS name,
           (SELECT substr(item, 13)
              FROM pg_db_role_setting s, unnest(s.setconfig) AS item
             WHERE s.setrole = r.role AND s.setdatabase = d.oid AND item LIKE 'search_path=%%'),
           (SELECT substr(item, 13)
              FROM pg_db_role_setting s, unnest(s.setconfig) AS item
             WHERE item LIKE 'search_path=%%'
               AND (s.setrole, s.setdatabase) IN ((r.role, d.oid), (r.role, 0), (0, d.oid), (0, 0))
             ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1)
      FROM unnest(%(roles)s::oid[]) AS r (role), pg_database d
     WHERE d.datname = current_database()
     ORDER BY 1
"""
"""By role: the search path set for it in this database, and the one that is in force, from whatever
was set for the role or the database. NULL: nothing was set."""
USERS = """
    SELECT DISTINCT r.oid::bigint FROM pg_roles r
     WHERE r.rolcanlogin
       AND (EXISTS (SELECT 1 FROM pg_class c
                     WHERE c.oid = ANY(%(tables)s::oid[]) AND NOT r.rolsuper
                       AND (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
                            OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE')))
            OR EXISTS (SELECT 1 FROM pg_stat_activity a
                        WHERE a.usesysid = r.oid AND a.datname = current_database()
                          AND a.pid <> pg_backend_pid()))
"""
SERVERS_OWN = '"$user", public'
"""PostgreSQL's own search path, where nobody has set another."""
ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')


@dataclass(frozen=True)
class RoleView:
    """What a role finds: ``own`` is its search path in this database, ``path`` the one in force."""

    role: str
    own: str | None
    path: str

    def sees(self, schema: str) -> bool:
        """Whether names mean ``schema`` first, before all but the role's own."""
        schemas = [name for name in schemas_of(self.path) if name != "$user"]
        return schemas[:1] == [schema]

    def with_bridge(self, schema: str) -> str:
        """Return the path that leads to ``schema`` first."""
        return ", ".join(
            [_quoted(schema), *(_quoted(n) for n in schemas_of(self.path) if n != schema)]
        )

    def statement(self, cursor: Any, schema: str) -> str:
        """Return the statement that lets the role see the bridge."""
        return spelled(cursor, set_path(cursor, self.role, self.with_bridge(schema)))


def users_of(cursor: Any, tables: list[int]) -> list[RoleView]:
    """Return the roles that log in and have rights on ``tables`` or a session in this database."""
    return _views(cursor, column(cursor, USERS, {"tables": tables}))


def role_views(cursor: Any, roles: tuple[str, ...]) -> list[RoleView]:
    """Return what ``roles`` find. Those that do not exist are left out."""
    query = "SELECT oid::bigint FROM pg_roles WHERE rolname = ANY(%s)"
    return _views(cursor, column(cursor, query, [list(roles)]))


def _views(cursor: Any, oids: list[int]) -> list[RoleView]:
    found = rows(cursor, SETTINGS, {"roles": oids})
    return [RoleView(role, own, path or SERVERS_OWN) for role, own, path in found]


def schemas_of(path: str) -> list[str]:
    """Return the schemas of a search path, unquoted, in their order."""
    names = (quoted.replace('""', '"') or plain.lower() for quoted, plain in ELEMENT.findall(path))
    return [name for name in names if name]


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def set_path(cursor: Any, role: str, path: str) -> sql.Composed:
    """Return the statement that gives ``role`` a search path in this database."""
    names = listed(schemas_of(path) or [sql.Literal("")])
    statement = "ALTER ROLE {} IN DATABASE {} SET search_path = {}"
    return compose(statement, role, _this_database(cursor), names)


def _this_database(cursor: Any) -> str:
    return str(value(cursor, "SELECT current_database()"))


def lead_to_bridge(cursor: Any, roles: tuple[str, ...], schema: str) -> tuple[RolePath, ...]:
    """Let new sessions of ``roles`` see the bridge; return what is to be remembered."""
    remembered = []
    for found in role_views(cursor, roles):
        given = found.with_bridge(schema)
        cursor.execute(set_path(cursor, found.role, given))
        remembered.append(RolePath(found.role, found.own, given))
    return tuple(remembered)


def lead_back(cursor: Any, roles: tuple[RolePath, ...]) -> list[str]:
    """Give ``roles`` their search path back; return those whose path somebody has set since.

    These keep it: a schema that is not there is no error in a search path.
    """
    now = {found.role: found for found in role_views(cursor, tuple(item.role for item in roles))}
    left = []
    for item in roles:
        if item.role not in now:
            continue
        if schemas_of(now[item.role].own or "") != schemas_of(item.given):
            left.append(item.role)
        elif item.before is None:
            reset = "ALTER ROLE {} IN DATABASE {} RESET search_path"
            execute(cursor, reset, item.role, _this_database(cursor))
        else:
            cursor.execute(set_path(cursor, item.role, item.before))
    return left

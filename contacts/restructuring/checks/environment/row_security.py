"""Row-level security, and who else may create: what the triggers' functions build on."""

from collections.abc import Iterator

from companies.address_policy import CONDITION, POLICY
from contacts.restructuring.checks.base import Finding, Found, Severity, check
from contacts.restructuring.checks.environment.privileges import grant
from contacts.restructuring.database.inspector import Inspector

APPLYING = """
    SELECT c.relname, c.relforcerowsecurity
      FROM pg_class c CROSS JOIN pg_roles o
     WHERE c.oid = ANY(%(tables)s::oid[]) AND c.relrowsecurity AND o.rolname = %(owner)s
       AND NOT o.rolsuper AND NOT o.rolbypassrls
       AND (c.relforcerowsecurity OR NOT pg_has_role(o.oid, c.relowner, 'USAGE'))
     ORDER BY 1
"""
CREATORS = """
    SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(acl.grantee) END
      FROM pg_namespace n
      CROSS JOIN aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS acl
     WHERE n.nspname = %(schema)s AND acl.privilege_type = 'CREATE' AND acl.grantee <> n.nspowner
       AND NOT EXISTS (SELECT 1 FROM pg_roles r
                        WHERE r.oid = acl.grantee
                          AND (r.rolsuper OR r.rolname IN (%(owner)s, current_user)))
     ORDER BY 1
"""
SECURITY = """
    SELECT c.relrowsecurity, c.relforcerowsecurity, a.relrowsecurity, a.relforcerowsecurity,
           p.polcmd = '*' AND p.polpermissive AND p.polroles = '{0}' AND p.polwithcheck IS NULL,
           pg_get_expr(p.polqual, p.polrelid)
      FROM pg_class c
      CROSS JOIN pg_class a
      LEFT JOIN pg_policy p ON p.polrelid = a.oid AND p.polname = %s
     WHERE c.oid = %s AND a.oid = %s
"""
FUNCTION_TABLES = ("companies", "customers", "contacts", "orders", "addresses")
"""The tables, under their old and new names, that the triggers' functions read and write."""


@check(
    "The triggers' functions see every row",
    "Or give that role BYPASSRLS. The functions refuse to run rather than to overlook a row that a "
    "policy hides, so every write would fail.",
)
def applying_policies(inspector: Inspector) -> Iterator[str]:
    """Whether policies would hide rows from the triggers' functions."""
    tables = inspector.layout.tables
    owner = tables["companies"].owner
    oids = [tables[name].oid for name in FUNCTION_TABLES if name in tables]
    for name, forced in inspector.rows(APPLYING, {"tables": oids, "owner": owner}):
        if forced:
            remedy = grant(inspector, "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", name)
        else:
            remedy = grant(inspector, "ALTER TABLE {} OWNER TO {}", name, owner)
        yield (
            f"The policies of {name} apply to {owner}, the owner of companies, with whose rights "
            f"the triggers run{remedy}"
        )


@check(
    "Others may create in the tables' schema",
    "The triggers' functions use nothing that others have made, so this stops nothing. Other "
    "functions that run with their owner's rights may not be as careful.",
    Severity.WARNING,
)
def other_creators(inspector: Inspector) -> Iterator[str]:
    """Who else may make functions and operators where the triggers' functions find their tables."""
    schema, owner = inspector.layout.schema, inspector.layout.tables["companies"].owner
    for role in inspector.column(CREATORS, {"schema": schema, "owner": owner}):
        to = ("PUBLIC", schema) if role == "PUBLIC" else ("{}", schema, role)
        remedy = grant(inspector, f"REVOKE CREATE ON SCHEMA {{}} FROM {to[0]}", *to[1:])
        yield f"{role} may create in schema {schema}{remedy}"


@check(
    "Row-level security of addresses follows companies",
    f"CREATE POLICY {POLICY} ON addresses USING ({CONDITION}), with ALTER TABLE addresses ENABLE "
    "(and FORCE, where companies has it) ROW LEVEL SECURITY.",
)
def address_policy(inspector: Inspector) -> Found:
    """Whether addresses is as closed as companies."""
    oids = inspector.oids(("companies", "addresses"))
    enabled, *found = inspector.row(SECURITY, [POLICY, *oids])
    if not enabled:
        return Finding(note="companies has none, so addresses needs none")
    return _less_closed(*found)


def _less_closed(
    forced: bool, is_enabled: bool, is_forced: bool, plain: bool | None, condition: str
) -> Iterator[str]:
    if not is_enabled:
        yield "companies has row-level security, addresses has not"
    if forced and not is_forced:
        yield "row-level security is forced on companies, but not on addresses"
    if plain is None:
        yield f"Policy {POLICY} on addresses is missing"
    elif not plain or _plainly(condition) != _plainly(CONDITION):
        yield f"Policy {POLICY} on addresses is another: {' '.join(str(condition).split())}"


def _plainly(condition: str) -> str:
    """Return a condition without what the server prints more or less of."""
    return "".join(condition.replace("(", "").replace(")", "").split())

"""Row-level security, and who else may create: what the triggers' functions build on."""

from companies.address_policy import CONDITION, POLICY
from contacts.restructuring.checks.base import Check, Finding, Severity, problems
from contacts.restructuring.checks.privileges import grant
from contacts.restructuring.database.inspector import Inspector

APPLYING = """
    SELECT c.relname, c.relforcerowsecurity, pg_get_userbyid(c.relowner)
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
           p.polcmd::text, p.polpermissive, p.polroles = '{0}', pg_get_expr(p.polqual, p.polrelid),
           p.polwithcheck IS NULL
      FROM pg_class c
      CROSS JOIN pg_class a
      LEFT JOIN pg_policy p ON p.polrelid = a.oid AND p.polname = %s
     WHERE c.oid = %s AND a.oid = %s
"""
FUNCTION_TABLES = ("companies", "customers", "contacts", "orders", "addresses")
"""The tables, under their old and new names, that the triggers' functions read and write."""


def applying_policies(inspector: Inspector) -> Finding:
    """Whether policies would hide rows from the triggers' functions."""
    tables = inspector.layout.tables
    owner = tables["companies"].owner
    oids = [tables[name].oid for name in FUNCTION_TABLES if name in tables]
    found = inspector.rows(APPLYING, {"tables": oids, "owner": owner})
    return problems(
        f"The policies of {name} apply to {owner}, the owner of companies, with whose rights the "
        "triggers run"
        + (
            grant(inspector, "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", name)
            if forced
            else grant(inspector, "ALTER TABLE {} OWNER TO {}", name, owner)
        )
        for name, forced, _ in found
    )


def other_creators(inspector: Inspector) -> Finding:
    """Who else may make functions and operators where the triggers' functions find their tables."""
    schema, owner = inspector.layout.schema, inspector.layout.tables["companies"].owner
    found = inspector.rows(CREATORS, {"schema": schema, "owner": owner})
    return problems(
        f"{role} may create in schema {schema}"
        + (
            grant(inspector, "REVOKE CREATE ON SCHEMA {} FROM PUBLIC", schema)
            if role == "PUBLIC"
            else grant(inspector, "REVOKE CREATE ON SCHEMA {} FROM {}", schema, role)
        )
        for (role,) in found
    )


def address_policy(inspector: Inspector) -> Finding:
    """Whether addresses is as closed as companies."""
    tables = inspector.layout.tables
    oids = [tables["companies"].oid, tables["addresses"].oid]
    (found,) = inspector.rows(SECURITY, [POLICY, *oids])
    enabled, forced, is_enabled, is_forced, command, permissive, everybody, condition, plain = found
    if not enabled:
        return Finding(note="companies has none, so addresses needs none")
    told = []
    if not is_enabled:
        told.append("companies has row-level security, addresses has not")
    if forced and not is_forced:
        told.append("row-level security is forced on companies, but not on addresses")
    if command is None:
        told.append(f"Policy {POLICY} on addresses is missing")
    elif not (
        (command, permissive, everybody, plain) == ("*", True, True, True)
        and _plainly(condition) == _plainly(CONDITION)
    ):
        told.append(f"Policy {POLICY} on addresses is another: {' '.join(str(condition).split())}")
    return problems(told)


def _plainly(condition: str) -> str:
    """Return a condition without what the server prints more or less of."""
    return "".join(condition.replace("(", "").replace(")", "").split())


APPLYING_POLICIES = Check(
    "applying_policies",
    "The triggers' functions see every row",
    applying_policies,
    "Or give that role BYPASSRLS. The functions refuse to run rather than to overlook a row that a "
    "policy hides, so every write would fail.",
)
OTHER_CREATORS = Check(
    "other_creators",
    "Others may create in the tables' schema",
    other_creators,
    "The triggers' functions use nothing that others have made, so this stops nothing. Other "
    "functions that run with their owner's rights may not be as careful.",
    Severity.WARNING,
)
ADDRESS_POLICY = Check(
    "address_policy",
    "Row-level security of addresses follows companies",
    address_policy,
    f"CREATE POLICY {POLICY} ON addresses USING ({CONDITION}), with ALTER TABLE addresses ENABLE "
    "(and FORCE, where companies has it) ROW LEVEL SECURITY.",
)

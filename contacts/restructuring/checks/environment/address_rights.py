"""The owner of addresses, and what others may do with it: as with companies."""

from collections.abc import Iterator

from companies.address_rights import RIGHTS
from contacts.restructuring.checks.base import Severity, check
from contacts.restructuring.database.inspector import Inspector

MISSING = f"""
    SELECT rights.privilege_type, rights.target,
           CASE rights.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(rights.grantee) END
      FROM ({RIGHTS}) AS rights
      JOIN pg_class c ON c.oid = rights.target::regclass
     WHERE rights.grantee <> c.relowner
       AND NOT EXISTS (SELECT 1 FROM aclexplode(c.relacl) AS acl
                        WHERE (acl.grantee, acl.privilege_type)
                            = (rights.grantee, rights.privilege_type)
                          AND acl.is_grantable >= rights.is_grantable)
     ORDER BY 3, 2, 1
"""


@check(
    "Rights on addresses follow companies",
    "Nothing to do, if somebody has taken them away on purpose. 'manage.py migrate_contacts "
    "--repair' gives them back.",
    Severity.WARNING,
)
def address_rights(inspector: Inspector) -> Iterator[str]:
    """Whether whoever may read or write companies may do so with addresses."""
    owner, holder = (inspector.layout.tables[name].owner for name in ("companies", "addresses"))
    if owner != holder:
        yield f"addresses belongs to {holder}, not to {owner}, the owner of companies"
    for privilege, target, role in inspector.rows(MISSING):
        yield f"{role} lacks {privilege} on {target}, which it has on companies"

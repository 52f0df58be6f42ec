"""The table that limits users of the admin to tenants: that it is there, and names tenants."""

from collections.abc import Iterator

from contacts.restructuring.checks.base import Finding, Found, Severity, check, problems
from contacts.restructuring.database.inspector import Inspector
from jmsk.access.models import UserTenant
from jmsk.postgres.django_schema import own_name
from jmsk.wording import counted

KEYS = """
    SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype IN ('p', 'u')
"""


@check(
    "Users limited to tenants",
    "A missing table: run 'manage.py migrate access'. A tenant that is gone: choose others on the "
    "user's page in the admin; until then the user sees nothing for it.",
    Severity.WARNING,
)
def tenant_limits(inspector: Inspector) -> Found:
    """The admin's own table: there with its keys, and naming tenants that exist."""
    table = own_name(UserTenant._meta.db_table)
    if not inspector.value("SELECT to_regclass(%s) IS NOT NULL", [table]):
        return problems([f"There is no table {table}, so the admin shows no rows"])
    found = [*_missing_keys(inspector, table), *_unknown_tenants(inspector, table)]
    limited = inspector.value(f"SELECT count(DISTINCT user_id) FROM {table}")
    told = f"{counted(limited, 'user')} limited to tenants"
    return problems(found) if found else Finding(note=told)


def _missing_keys(inspector: Inspector, table: str) -> Iterator[str]:
    present = inspector.column(KEYS, [table])
    for key in UserTenant._meta.constraints:
        if key.name not in present:
            yield f"{table} has no key {key.name}"


def _unknown_tenants(inspector: Inspector, table: str) -> Iterator[str]:
    unknown = inspector.rows(
        f"SELECT user_id, tenant_id FROM {table} WHERE tenant_id NOT IN (SELECT id FROM tenants) "
        "ORDER BY 1, 2"
    )
    for user, tenant in unknown:
        yield f"User {user} is limited to tenant {tenant}, which does not exist"

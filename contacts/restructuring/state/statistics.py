"""What a migration would move: the numbers that the operator is shown before the question."""

from dataclasses import asdict, dataclass
from typing import Any

from django.db import DatabaseError, transaction

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from jmsk.postgres.queries import rows

PLACED = f"""
    WITH orphans AS (SELECT tenant_id, count(*) AS customers FROM customers
                      WHERE company_id IS NULL GROUP BY tenant_id),
         loose AS (SELECT tenant_id, count(*) AS orders FROM orders
                    WHERE customer_id IS NULL GROUP BY tenant_id)
    SELECT t.id, t.name, coalesce(orphans.customers, 0), coalesce(loose.orders, 0),
           EXISTS (SELECT 1 FROM companies WHERE tenant_id = t.id AND name = '{DEFAULT_COMPANY}')
      FROM tenants t
      LEFT JOIN orphans ON orphans.tenant_id = t.id
      LEFT JOIN loose ON loose.tenant_id = t.id
     WHERE orphans.customers > 0 OR loose.orders > 0
     ORDER BY t.id
"""
SIZE = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM unnest(%s::oid[]) AS oid"


@dataclass(frozen=True)
class Placement:
    """What goes to the default company of one tenant, and whether that company is there already."""

    tenant_id: int
    tenant: str
    customers: int
    orders: int
    exists: bool


@dataclass(frozen=True)
class Statistics:
    """Rows of each legacy table, what will be placed where, and the tables' size in bytes."""

    rows: dict[str, int]
    placements: tuple[Placement, ...]
    size: int

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, for JSON."""
        return asdict(self)


def gather(inspector: Inspector) -> Statistics | None:
    """Count what a migration of the legacy database in ``inspector`` would move.

    Returns None where the role may not read the rows: the checks tell why.
    """
    try:
        with transaction.atomic(using=inspector.connection.alias):
            return _count(inspector)
    except DatabaseError:
        return None


def placements(inspector: Inspector) -> tuple[Placement, ...]:
    """Return what would be placed in the default company of each tenant concerned."""
    return inspector.once(_placements)


def _placements(cursor: Any) -> tuple[Placement, ...]:
    return tuple(Placement(*placed) for placed in rows(cursor, PLACED))


def _count(inspector: Inspector) -> Statistics:
    size = inspector.value(SIZE, [inspector.oids()])
    return Statistics(inspector.counts(LEGACY_NAMES), placements(inspector), int(size))

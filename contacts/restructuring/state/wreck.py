"""What the former Alembic migration left when it died."""

from dataclasses import dataclass
from typing import Any

from contacts.meaning import DEFAULT_COMPANY
from jmsk.postgres.queries import column, value

MADE_BY_THE_WRECK = f"""
    SELECT d.id FROM companies d
     WHERE d.name = '{DEFAULT_COMPANY}' AND d.fax IS NULL
       AND num_nonnulls(d.address, d.phone, d.email) = 0
       AND d.created_at = coalesce(d.updated_at, d.created_at)
       AND EXISTS (SELECT 1 FROM contacts c WHERE c.company_id = d.id)
       AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.company_id = d.id
                          AND (c.created_at >= d.created_at OR c.tenant_id <> d.tenant_id))
     ORDER BY d.id
"""
"""The wreck's INSERT gave a name and a tenant only, both times are the moment of its transaction,
and everybody it placed was there before."""


@dataclass(frozen=True)
class Wreck:
    """What the old migration left: the default companies it made, and whom it placed there."""

    companies: tuple[int, ...]
    placed: int


def examine(cursor: Any) -> Wreck:
    """Tell what the old migration made."""
    companies = column(cursor, MADE_BY_THE_WRECK)
    placed = "SELECT count(*) FROM contacts WHERE company_id = ANY(%s)"
    return Wreck(tuple(companies), value(cursor, placed, [companies]))

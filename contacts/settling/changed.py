"""What somebody has changed since, of the rows that an action wrote."""

from dataclasses import dataclass

from django.urls import reverse

from contacts.settling.models import Action
from contacts.settling.recording import TABLES, run

SHOWN = 10
CHANGED = """
    SELECT r.row_id, t.{key} IS NULL
      FROM settling_actionrow AS r LEFT JOIN {table} AS t ON t.{key} = r.row_id
     WHERE r.action_id = {action} AND r."table" = {table_name}
       AND CASE WHEN t.{key} IS NOT NULL THEN {digest} END IS DISTINCT FROM r.after
     ORDER BY 1
"""
PAGES = {
    "contacts": "contacts_contact",
    "orders": "orders_order",
    "companies": "companies_company",
}


@dataclass(frozen=True)
class ChangedRow:
    """A row that is not as the action left it. ``gone``: it does not exist."""

    table: str
    pk: int
    gone: bool

    @property
    def url(self) -> str:
        """The page of the row in the admin; '' where it has none."""
        model = PAGES.get(self.table)
        return reverse(f"admin:{model}_change", args=[self.pk]) if model else ""

    def __str__(self) -> str:
        what = {"contacts": "contact", "orders": "order", "companies": "company"}
        return f"{what.get(self.table, 'entry')} {self.pk}{' (gone)' if self.gone else ''}"


def changed_rows(action: Action) -> list[ChangedRow]:
    """Return the rows of an action that somebody has changed since."""
    written = set(action.rows.values_list("table", flat=True).distinct())
    return [
        ChangedRow(table.name, pk, gone)
        for table in TABLES.values()
        if table.name in written
        for pk, gone in run(CHANGED, action, table, digest=table.digest)
    ]


def told_of(changed: list[ChangedRow]) -> str:
    """Say which rows have changed, the first of them."""
    more = f" and {len(changed) - SHOWN:,} more" if len(changed) > SHOWN else ""
    first = ", ".join(map(str, changed[:SHOWN]))
    return f"Changed since, so this cannot be undone: {first}{more}. Nothing was changed."

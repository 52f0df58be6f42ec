"""Remembering what an action writes, row by row, in its own transaction.

Before the action writes, it says which rows it is going to; afterwards a digest is taken of each as
it was left. By that digest it is known, later, whether anybody has changed the row since.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg2 import sql

from contacts.settling.models import Action

ORDER_LINK = ("contact_id", "company_id")
TENANT_OF_A_MARK = "(SELECT o.tenant_id FROM orders AS o WHERE o.id = t.order_id)"


@dataclass(frozen=True)
class Recorded:
    """A table whose rows actions write. ``digested``: what of a row must stay as it was left.

    That is the whole row, or some columns: an order is worked on all day, and whether it was
    shipped meanwhile has nothing to do with whose it is. ``tenant`` is the expression of a row's
    tenant: who does not see that one, does not see the action.
    """

    name: str
    key: str = "id"
    digested: tuple[str, ...] = ()
    tenant: str = "t.tenant_id"

    @property
    def digest(self) -> sql.Composable:
        """The digest of a row, for a query in which the table is called ``t``."""
        return sql.SQL("md5({}::text)").format(json_of(self.digested))


TABLES = {
    table.name: table
    for table in (
        Recorded("companies"),
        Recorded("contacts"),
        Recorded("orders", digested=ORDER_LINK),
        Recorded("django_admin_log", digested=("object_id",), tenant="NULL"),
        Recorded("settling_nocontactwanted", key="order_id", tenant=TENANT_OF_A_MARK),
    )
}
"""By name, in the order in which rows are locked: that of the database's own rules."""


def json_of(columns: Iterable[str]) -> sql.Composable:
    """Return a row as JSON: these columns, or all where none is named."""
    pairs = [sql.SQL("{}, t.{}").format(sql.Literal(one), sql.Identifier(one)) for one in columns]
    if not pairs:
        return sql.SQL("to_jsonb(t)")
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


BEFORE = """
    INSERT INTO settling_actionrow (action_id, "table", row_id, tenant_id, before)
    SELECT {action}, {table_name}, t.{key}, {tenant}, {before} FROM {table} AS t WHERE {which}
"""
AFTER = """
    UPDATE settling_actionrow AS r SET after = {digest} FROM {table} AS t
     WHERE r.action_id = {action} AND r."table" = {table_name} AND r.row_id = t.{key}
"""


class Recording:
    """What an action has said so far of the rows that it writes."""

    def __init__(self, kind: Action.Kind, user_id: int) -> None:
        self.action = Action.objects.create(kind=kind, user_id=user_id)

    def writes(self, table: str, keys: Collection[int], *columns: str, by: str = "") -> None:
        """Say that the columns (or all, for a row that goes) of these rows are about to be written.

        Parameters: by, the column in which ``keys`` are looked for, if not in the table's own key.
        """
        which = sql.SQL("t.{} = ANY({})").format(
            sql.Identifier(by or TABLES[table].key), sql.Literal(list(keys))
        )
        self._note(table, json_of(columns), which)

    def made(self, table: str, keys: Collection[int]) -> None:
        """Say that these rows were made."""
        which = sql.SQL("t.{} = ANY({})").format(
            sql.Identifier(TABLES[table].key), sql.Literal(list(keys))
        )
        self._note(table, sql.SQL("NULL"), which)

    def _note(self, table: str, before: sql.Composable, which: sql.Composable) -> None:
        tenant = sql.SQL(TABLES[table].tenant)
        run(BEFORE, self.action, TABLES[table], before=before, tenant=tenant, which=which)

    def end(self, told: str) -> None:
        """Take the digests of all these rows; ``told`` says what was done."""
        for table in TABLES.values():
            run(AFTER, self.action, table, digest=table.digest)
        self.action.told = told
        self.action.save(update_fields=["told"])


@contextmanager
def recording(kind: Action.Kind, user_id: int) -> Iterator[Recording]:
    """Give a :class:`Recording` in a transaction; what is inside calls ``end`` when it is done."""
    with transaction.atomic():
        yield Recording(kind, user_id)


def run(
    statement: str, action: Action, table: Recorded, **parts: sql.Composable
) -> list[tuple[Any, ...]]:
    """Run a statement on an action's rows of one table; return the rows that it gives."""
    composed = sql.SQL(statement).format(
        action=sql.Literal(action.pk),
        table=sql.Identifier(table.name),
        table_name=sql.Literal(table.name),
        key=sql.Identifier(table.key),
        **parts,
    )
    with connection.cursor() as cursor:
        cursor.execute(composed)
        return list(cursor.fetchall()) if cursor.description else []

"""The rows of a table as they are going to be, for its constraints to be judged by.

They stand in a WITH clause under the table's own name, so that the catalogue's expressions can be
run on them as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg2 import sql

from contacts.restructuring.database.inspector import Inspector
from jmsk.postgres.queries import compose, listed

CHANGING = "jmsk_changing"
"""The column that says which rows change."""


@dataclass(frozen=True)
class Future:
    """What the rows of a table are going to be.

    ``clause`` is a WITH clause in which ``table``, and the tables beside it that change, bear their
    own names and hold the rows to come; which of them change, :data:`CHANGING` says. ``columns``
    are those that change, beside the ``generated`` ones; ``nullable`` those of them that may be
    NULL from then on. ``row`` names a row in a sentence by the column ``key``. ``own`` are the
    constraints that go or are ours. ``unknown`` are columns whose values cannot be told before:
    what is about one of them is not judged.
    """

    table: str
    clause: str
    columns: tuple[str, ...]
    nullable: tuple[str, ...]
    row: str
    key: str = "id"
    own: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()

    def unknowable(self, touched: list[str]) -> bool:
        """Whether what is about the columns ``touched`` cannot be told before."""
        return not set(touched).isdisjoint(self.unknown)

    def unaffected(self, touched: list[str]) -> bool:
        """Whether what is about the columns ``touched`` stays true because none of them changes.

        What names no column may be about the whole row.
        """
        return bool(touched) and set(touched).isdisjoint((*self.columns, *self.generated))

    def present(self, inspector: Inspector) -> str:
        """Return the SQL name of the table itself, whose rows are as they are."""
        return inspector.text(inspector.layout.tables[self.table].identifier)


def generated_columns(inspector: Inspector, table: str) -> tuple[str, ...]:
    """Return the names of the generated columns of ``table``."""
    columns = inspector.layout.tables[table].columns
    return tuple(column.name for column in columns if column.generated)


def future_table(
    inspector: Inspector,
    table: str,
    becomes: Mapping[str, sql.Composable],
    changing: sql.Composable,
    source: sql.Composable | None = None,
) -> sql.Composed:
    """Return the part of a WITH clause in which ``table`` holds the rows to come.

    Parameters: ``becomes`` is what columns become, the others stay; ``changing`` the condition that
    a row changes; ``source`` what the rows are read from, the table itself unless given. Generated
    columns are generated anew.
    """
    stored: list[sql.Composable] = []
    generated: list[sql.Composable] = [sql.SQL("*")]
    for column in inspector.layout.tables[table].columns:
        name = column.name
        if column.generated:
            generated.append(compose("({}) AS {}", sql.SQL(str(column.default)), name))
        else:
            stored.append(compose("{} AS {}", becomes.get(name, name), name))
    return compose(
        "{table} AS (SELECT {generated} FROM (SELECT {stored}, {changing} AS {mark} FROM {source}) "
        "{table})",
        table=table,
        generated=listed(generated),
        stored=listed(stored),
        changing=changing,
        mark=CHANGING,
        source=source or table,
    )

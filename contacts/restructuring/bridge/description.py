"""What a bridge is, and how the one that stands is found: by its functions, whatever its schema."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from contacts.restructuring.database.tables import Table
from jmsk.postgres.queries import rows

DEFAULT_SCHEMA = "legacy"
VIEWS = {"customers": "contacts", "orders": "orders"}
"""The views of the bridge, and the table that each reads."""
COUNTERS = {"customers": "bridge_calls_customers", "orders": "bridge_calls_orders"}
"""For each view an empty materialized view, which each statement through the view scans: PostgreSQL
counts the scans, outside of any transaction and of any row."""
DEFAULT_COMPANY_FUNCTION = "bridge_default_company"
TRIGGERS = {
    "trg_bridge_check_customer": "customers",
    "trg_bridge_write_customer": "customers",
    "trg_bridge_check_change": "contacts",
    "trg_bridge_place_contact": "contacts",
    "trg_bridge_fill_order": "orders",
    "trg_bridge_count_orders": "orders",
    "trg_bridge_keep_company": "companies",
}
"""The relation of each trigger: customers is the view, the others are tables. The function behind a
trigger bears its name. They sort before those of the restructured tables, which judge what these
have filled."""
FUNCTIONS = (DEFAULT_COMPANY_FUNCTION, *TRIGGERS)
INDEXES = {"email": "ix_bridge_email", "company_id": "ix_bridge_company_id"}
"""The index on contacts for each column that the view customers computes."""
WRITING = "jmsk.bridge_writes"
"""The setting that is 'on' while the view writes what the legacy table's rules are about."""
MEMORY_KEEPER = "trg_bridge_write_customer"
"""The function whose comment keeps what has to be known when the bridge goes."""


@dataclass(frozen=True)
class BridgeOptions:
    """In which schema the bridge is to stand, and which roles are to be led to it."""

    schema: str = DEFAULT_SCHEMA
    roles: tuple[str, ...] = ()


STANDING = """
    SELECT n.nspname, max(obj_description(p.oid, 'pg_proc')) FILTER (WHERE p.proname = %(keeper)s),
           to_regclass(format('%%I.customers', n.nspname))::oid::bigint,
           to_regclass(format('%%I.orders', n.nspname))::oid::bigint
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proname = ANY(%(functions)s)
     GROUP BY n.nspname
     ORDER BY count(*) DESC, n.nspname LIMIT 1
"""


@dataclass(frozen=True)
class RolePath:
    """The search path of a role in this database: ``before`` the bridge (None: it had none of its
    own here), and ``given`` by it."""

    role: str
    before: str | None
    given: str


@dataclass(frozen=True)
class ColumnGrant:
    """A right on a column of contacts that a role got because the view reads or writes it."""

    role: str
    privilege: str
    column: str


@dataclass(frozen=True)
class Memory:
    """What is kept in the database for the day the bridge goes.

    ``schema_was_there`` says whether the schema stood there, empty, before.
    """

    made: str
    schema_was_there: bool = False
    roles: tuple[RolePath, ...] = ()
    grants: tuple[ColumnGrant, ...] = ()

    def as_json(self) -> str:
        """Return the memory as one line of JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Bridge:
    """The bridge that stands. ``oids`` are those of its views; None: somebody has dropped one.

    ``memory`` is None where somebody has dropped or altered what keeps it.
    """

    schema: str
    memory: Memory | None
    oids: dict[str, int | None]

    @property
    def views(self) -> tuple[Table, ...]:
        """Its views, as relations to be locked."""
        return tuple(
            Table(self.schema, name, oid, "v", "") for name, oid in self.oids.items() if oid
        )

    @property
    def made(self) -> datetime | None:
        """When the bridge was made."""
        return datetime.fromisoformat(self.memory.made) if self.memory else None


def read_bridge(cursor: Any) -> Bridge | None:
    """Return the bridge that stands in the database, or None."""
    names = {"keeper": MEMORY_KEEPER, "functions": list(FUNCTIONS)}
    for schema, kept, customers, orders in rows(cursor, STANDING, names):
        return Bridge(schema, _read_memory(kept), {"customers": customers, "orders": orders})
    return None


def _read_memory(kept: str | None) -> Memory | None:
    try:
        told = json.loads(kept or "")
        return Memory(
            told["made"],
            told["schema_was_there"],
            tuple(RolePath(**item) for item in told["roles"]),
            tuple(ColumnGrant(**item) for item in told["grants"]),
        )
    except (ValueError, KeyError, TypeError):
        return None

"""What changed since the last check: all that the switch has to look at under the lock."""

from dataclasses import dataclass
from typing import Any

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.database.layout import Layout
from contacts.restructuring.failures import ROLLED_BACK, Failure
from contacts.restructuring.preparation.filling.defaults import LOST
from contacts.restructuring.preparation.installing.fences import broken_fences, read_files
from contacts.restructuring.preparation.state import Phase, State, read_state
from jmsk.postgres import prepared
from jmsk.postgres.queries import column, row, value
from jmsk.wording import counted

MOST_CHANGES = 5_000
"""So many links may have changed, that putting orders right stays a matter of milliseconds."""
MOST_JOURNAL = 100 * MOST_CHANGES
MOST_ORPHANS = 5_000
"""To place so many contacts under the lock takes about 0.1 s."""
SIZES = f"""
    SELECT count(*), count(*) FILTER (WHERE links),
           count(*) FILTER (WHERE links AND operation <> 'I'
                              AND table_name IN ('tenants', 'companies')),
           count(*) FILTER (WHERE table_name = 'companies')
      FROM {prepared.JOURNAL}
"""
UNFILLED = "SELECT count(*) FROM (SELECT 1 FROM orders WHERE company_id = 0 LIMIT %s) AS unfilled"
ORPHANS = "SELECT coalesce(array_agg(id), '{}') FROM customers WHERE company_id IS NULL"
HOMELESS = f"""
    SELECT EXISTS (SELECT 1 FROM customers WHERE company_id IS NULL AND tenant_id <> ALL(
        ARRAY(SELECT tenant_id FROM {prepared.DEFAULTS})))
"""
NAMED_DEFAULT = f"""
    SELECT EXISTS (SELECT 1 FROM {prepared.DEFAULTS} d
                    JOIN companies c ON c.tenant_id = d.tenant_id AND c.name = %s
                   WHERE NOT d.reused)
"""
MOVED_CUSTOMERS = f"""
    SELECT coalesce(array_agg(DISTINCT id), '{{}}') FROM {prepared.JOURNAL}
     WHERE table_name = 'customers' AND links
"""
SUSPECTS = f"""
    SELECT coalesce(array_agg(DISTINCT id), '{{}}') FROM (
        SELECT id FROM orders WHERE company_id = 0
        UNION ALL SELECT order_id FROM {prepared.PENDING}
        UNION ALL SELECT id FROM {prepared.JOURNAL}
                   WHERE table_name = 'orders' AND links AND operation <> 'D'
        UNION ALL SELECT id FROM orders WHERE customer_id = ANY(%s)) AS suspects
"""
"""Keys come as arrays: a subquery would tempt the planner to read the table as a whole."""


class OutdatedError(Failure):
    """Too much changed since the last check to be looked at under the lock: check again first."""

    def __init__(self, told: str) -> None:
        super().__init__(
            "MC908",
            f"Too much changed since the last check ({told}). {ROLLED_BACK} Run again: every row "
            "is checked again first.",
        )
        self.told = told


@dataclass(frozen=True)
class Changed:
    """The keys that the switch looks at.

    ``orders`` whose company may be wrong, ``customers`` whose links changed, ``orphans`` that have
    no company; ``journal`` is how many lines the journal has, ``files`` where the tables lie,
    ``made`` the default companies that are there already, and ``placed_early`` how many customers
    were in them at the last check.
    """

    orders: list[int]
    customers: list[int]
    orphans: list[int]
    journal: int
    files: dict[str, str]
    made: frozenset[int]
    placed_early: int


def read_changed(cursor: Any, layout: Layout, max_orphans: int = MOST_ORPHANS) -> Changed:
    """Return what changed since the last check. The caller holds the tables locked.

    Raises OutdatedError where too much changed, Failure where the preparation is not to be believed
    or more than ``max_orphans`` contacts are to be placed.
    """
    state = _refuse_broken(cursor, layout)
    journal, links, roots, companies = row(cursor, SIZES)
    unfilled = value(cursor, UNFILLED, [MOST_CHANGES + 1])
    if roots:
        raise OutdatedError("a tenant or a company was deleted or got another key or tenant")
    if links + unfilled > MOST_CHANGES or journal > MOST_JOURNAL:
        raise OutdatedError(
            f"{counted(journal, 'change')}, {links:,} of them of links, and "
            f"{counted(unfilled, 'order')} without a company"
        )
    orphans = value(cursor, ORPHANS)
    if len(orphans) > max_orphans:
        raise Failure("MC909", _too_many(len(orphans), max_orphans))
    if companies or orphans:
        _refuse_new_defaults(cursor)
    customers = value(cursor, MOVED_CUSTOMERS)
    orders = sorted(value(cursor, SUSPECTS, [customers]))
    notes = state.notes
    made = frozenset(prepared.made_early(notes))
    return Changed(orders, customers, orphans, journal, notes["files"], made, notes["placed_early"])


def _refuse_broken(cursor: Any, layout: Layout) -> State:
    """Return the state of the preparation, whose tables lie where the last check saw them."""
    state = read_state(cursor)
    told = [] if state.phase is Phase.VERIFIED else [f"its next step is '{state.phase}'"]
    told += broken_fences(cursor, layout, state) if not told else []
    if told:
        raise Failure(
            "MC907",
            f"The preparation cannot be switched: {'; '.join(told)}. {ROLLED_BACK} Run 'manage.py "
            "migrate_contacts --prepare' again: it goes on from there.",
        )
    if read_files(cursor, layout) != state.notes["files"]:
        raise OutdatedError("a table was rewritten, as VACUUM FULL, CLUSTER or ALTER TABLE do")
    if value(cursor, "SELECT current_setting('track_counts')") != "on":
        raise Failure(
            "MC907",
            f"track_counts is off: what the switch touches could not be counted. {ROLLED_BACK} "
            "Switch it on for this role or database, then run again.",
        )
    return state


def _refuse_new_defaults(cursor: Any) -> None:
    """The default company of a tenant is another one than when orders were filled."""
    lost = column(cursor, LOST)
    named = value(cursor, NAMED_DEFAULT, [DEFAULT_COMPANY])
    if value(cursor, HOMELESS) or lost or named:
        raise OutdatedError("the default company of a tenant is another one now")


def _too_many(orphans: int, most: int) -> str:
    return (
        f"{counted(orphans, 'customer')} without a company would be placed under the lock, which "
        f"takes about {orphans / 50_000:.1f} s, and --max-orphans is {most:,}. {ROLLED_BACK} "
        "Place them before, beside the working application, with --prepare --place-early, or allow "
        "that many with --max-orphans."
    )

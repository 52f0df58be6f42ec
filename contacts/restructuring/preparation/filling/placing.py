"""Placing customers without a company before the switch, if the operator agrees to it.

To place one under the lock takes some 20 microseconds. Where there are many, they are placed here,
in batches beside the working application, which from then on sees the default company where it saw
none: that is why it takes the operator's word. Their legacy meaning stays, for the column beside
says where they were placed.
"""

import time
from dataclasses import replace
from typing import Any

from psycopg2 import sql

from contacts.created_companies import read_companies
from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.failures import Failure
from contacts.restructuring.preparation.filling.batch import Kind, change
from contacts.restructuring.preparation.filling.defaults import reserve
from contacts.restructuring.preparation.filling.quiet import heard_anyway, other_triggers_silent
from contacts.restructuring.preparation.installing.install import install_placing
from contacts.restructuring.preparation.sessions import Counter, side_by_side
from contacts.restructuring.preparation.state import note, read_state
from contacts.restructuring.preparation.work import Worker
from contacts.restructuring.proof.prepared_meaning import PLACED_IN, read_meanings
from jmsk.postgres import prepared
from jmsk.postgres.prepared import has_column
from jmsk.postgres.queries import column, compose, value
from jmsk.postgres.references import referred_rows

SECONDS_A_ROW = 30e-6
"""About what it takes to place one, with the journal's trigger."""
FEWEST = 500
"""Each batch looks for its rows from the first page on: with fewer, they are read more often."""
TABLES = ("customers", "companies")
"""What is changed."""
MAKE = f"""
    WITH made AS (
        INSERT INTO companies (id, tenant_id, name, created_at, updated_at)
        OVERRIDING SYSTEM VALUE
        SELECT company_id, tenant_id, %(name)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
          FROM {prepared.DEFAULTS} d
         WHERE NOT reused AND EXISTS (SELECT 1 FROM customers c WHERE c.tenant_id = d.tenant_id
                                         AND c.company_id IS NULL)
        RETURNING id)
    SELECT count(*), count(*) FROM made
"""
STANDING = f"""
    UPDATE {prepared.DEFAULTS} d SET reused = true
      FROM companies c WHERE c.id = d.company_id AND NOT d.reused RETURNING d.company_id
"""
"""A company that was made early is one like others, which the switch finds and marks."""
PLACE = f"""
    WITH taken AS MATERIALIZED (
        SELECT c.ctid AS place, {{hash}} AS hash FROM customers c
         WHERE c.company_id IS NULL
           AND c.tenant_id = ANY(ARRAY(SELECT tenant_id FROM {prepared.DEFAULTS} WHERE reused))
         LIMIT {{at_once}} FOR UPDATE SKIP LOCKED),
    placed AS (
        UPDATE customers c SET company_id = d.company_id, placed_in_company_id = d.company_id
          FROM taken, {prepared.DEFAULTS} d
         WHERE c.ctid = taken.place AND d.tenant_id = c.tenant_id
        RETURNING taken.hash = {{hash}} AS same)
    SELECT count(*), count(*) FILTER (WHERE same) FROM placed
"""
TAKE_BACK = """
    WITH taken AS MATERIALIZED (
        SELECT c.ctid AS place, {hash} AS hash FROM customers c
         WHERE c.placed_in_company_id IS NOT NULL AND c.company_id = c.placed_in_company_id
         LIMIT {at_once} FOR UPDATE SKIP LOCKED),
    taken_back AS (
        UPDATE customers c SET company_id = NULL, placed_in_company_id = NULL
          FROM taken WHERE c.ctid = taken.place
        RETURNING taken.hash = {hash} AS same)
    SELECT count(*), count(*) FILTER (WHERE same) FROM taken_back
"""
PLACED = "SELECT count(*) FROM customers WHERE company_id = placed_in_company_id"
REMOVE = """
    WITH removed AS (DELETE FROM companies WHERE id = ANY(%(ids)s) RETURNING id)
    SELECT count(*), count(*) FROM removed
"""


def place_early(worker: Worker) -> int:
    """Make the default companies and place in them who has none; return how many were placed.

    Raises Failure where a trigger of others would take that for an edit.
    """

    worker = _with_columns(worker)

    def make(cursor: Any) -> None:
        reserve(cursor)
        name = {"name": DEFAULT_COMPANY}
        _change(cursor, worker, "companies", Kind.INSERTED, sql.SQL(MAKE), name)
        made = read_companies(cursor, column(cursor, STANDING))
        known = read_state(cursor)
        rows = {str(company): row for company, row in made.items()}
        note(cursor, known.phase, made={**known.notes.get("made", {}), **rows})

    worker.transact(make, "making the default companies")
    return _in_batches(worker, PLACE, "placing customers without a company")


def _with_columns(worker: Worker) -> Worker:
    """Give customers the columns for it; return the worker that knows them."""

    def extend(cursor: Any) -> None:
        _refuse_heard(cursor, worker)
        if not has_column(cursor, "customers", PLACED_IN):
            install_placing(worker, cursor)

    worker.transact(extend, "adding the columns of customers")
    return replace(worker, layout=read_layout(worker.connection))


def count_placed(cursor: Any) -> int:
    """Return how many customers are where they were placed early."""
    if not has_column(cursor, "customers", PLACED_IN):
        return 0
    return int(value(cursor, PLACED))


def take_back(worker: Worker) -> None:
    """Undo :func:`place_early`. A company that somebody has changed or uses by now stays."""
    made = worker.transact(lambda cursor: read_state(cursor).notes.get("made"), "reading the notes")
    if made is None:
        return
    _in_batches(worker, TAKE_BACK, "taking back where customers were placed")

    def remove(cursor: Any) -> None:
        present = read_companies(cursor, [int(company) for company in made])
        same = [company for company, row in present.items() if row == made[str(company)]]
        kept = set(referred_rows(cursor, "companies", same, {}))
        going = [company for company in same if company not in kept]
        _change(cursor, worker, "companies", Kind.DELETED, sql.SQL(REMOVE), {"ids": going})

    worker.transact(remove, "removing the default companies")


def _in_batches(worker: Worker, statement: str, what: str) -> int:
    meaning = worker.transact(
        lambda cursor: read_meanings(cursor, worker.layout)["customers"], "reading the columns"
    )
    at_once = max(FEWEST, round(worker.pace.batch_seconds / SECONDS_A_ROW))
    composed = compose(statement, hash=meaning.hash_of("c"), at_once=sql.Literal(at_once))
    placed = Counter()

    def work(one: Worker, _: int) -> None:
        throttle = one.throttle()
        while True:
            began = time.monotonic()
            changed = one.transact(
                lambda cursor: _change(cursor, one, "customers", Kind.UPDATED, composed, None), what
            )
            if not changed:
                return
            total = placed.add(changed)
            one.journal.progress(total, total, "customers")
            throttle.after(time.monotonic() - began)

    side_by_side(worker, range(worker.pace.sessions), work)
    return placed.total


def _change(
    cursor: Any, worker: Worker, table: str, kind: Kind, statement: sql.Composable, values: Any
) -> int:
    with other_triggers_silent(cursor, worker, table):
        return change(cursor, worker.layout, table, kind, statement, values)


def _refuse_heard(cursor: Any, worker: Worker) -> None:
    heard = [
        f"{name} of {table}"
        for table in TABLES
        for name in heard_anyway(cursor, worker.layout, table)
    ]
    if heard:
        raise Failure(
            "MC901",
            f"Customers cannot be placed early: the {', the '.join(heard)} would take it for an "
            "edit. What was prepared stays. Run again without --place-early: the switch places "
            "them under its lock, where triggers of others can be switched off.",
        )

"""The default companies that the switch will need, their ids reserved before they exist.

An order of a customer without a company gets the id of its tenant's default company long before the
switch makes that company: no program sees a company that is not there yet.
"""

from typing import Any

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.preparation.state import note, read_state
from jmsk.postgres import prepared
from jmsk.postgres.queries import column, rows, value
from jmsk.postgres.sequences import feeding_sequences, free_values, read_position, restart
from jmsk.wording import inflected

REUSE = f"""
    UPDATE {prepared.DEFAULTS} d SET company_id = c.id, reused = true
      FROM (SELECT tenant_id, min(id) AS id FROM companies WHERE name = %s GROUP BY tenant_id) c
     WHERE c.tenant_id = d.tenant_id AND c.id <> d.company_id
       AND NOT EXISTS (SELECT 1 FROM companies was WHERE was.id = d.company_id AND d.reused
                          AND was.tenant_id = d.tenant_id)
"""
"""Somebody has made a company of that name, or deleted the one that was to be used."""
LOST = f"""
    SELECT d.tenant_id FROM {prepared.DEFAULTS} d
     WHERE d.reused <> EXISTS (SELECT 1 FROM companies c WHERE c.id = d.company_id
                                  AND (c.tenant_id = d.tenant_id OR NOT d.reused))
"""
"""Whose company is no longer there to be reused, or whose reserved id somebody has taken."""
MISSING = f"""
    SELECT n.tenant_id, min(c.id)
      FROM (SELECT tenant_id FROM customers WHERE company_id IS NULL
             UNION SELECT tenant_id FROM orders WHERE customer_id IS NULL) n
      LEFT JOIN companies c ON c.tenant_id = n.tenant_id AND c.name = %s
     WHERE n.tenant_id NOT IN (SELECT tenant_id FROM {prepared.DEFAULTS})
     GROUP BY n.tenant_id ORDER BY n.tenant_id
"""
LAST = f"""
    SELECT greatest(0, (SELECT max(id) FROM companies),
                    (SELECT max(company_id) FROM {prepared.DEFAULTS}))
"""


def reserve(cursor: Any) -> int:
    """Settle the default company of each tenant that needs one; return how many are new."""
    cursor.execute(REUSE, [DEFAULT_COMPANY])
    changed = cursor.rowcount
    lost = column(cursor, LOST)
    cursor.execute(f"DELETE FROM {prepared.DEFAULTS} WHERE tenant_id = ANY(%s)", [lost])
    found = rows(cursor, MISSING, [DEFAULT_COMPANY])
    to_make = [tenant for tenant, company in found if company is None]
    made = zip(to_make, _next_ids(cursor, len(to_make)), strict=True)
    new = [(tenant, company, True) for tenant, company in found if company is not None]
    new += [(tenant, company, False) for tenant, company in made]
    for each in new:
        cursor.execute(f"INSERT INTO {prepared.DEFAULTS} VALUES (%s, %s, %s)", each)
    return changed + len(lost) + len(new)


def _next_ids(cursor: Any, number: int) -> list[int]:
    """Take ids from the sequence, in a way that is undone with the transaction, as nextval is not.

    How the sequence stood before is noted, so that it can be put back if nobody draws from it.
    """
    if not number:
        return []
    sequence = feeding_sequences(cursor, "companies").get("id")
    if sequence is None:
        last = value(cursor, LAST)
        return list(range(last + 1, last + number + 1))
    position = read_position(cursor, sequence)
    # One more, so that what it gives next is free as well.
    found = free_values(cursor, "companies", sequence, number + 1)
    if len(found) < number:
        raise Failure(
            "MC901",
            f"Sequence {sequence.name} ends before "
            f"{inflected(number, 'default company has', 'default companies have')} an id. "
            f"{UNCHANGED} Let it reach further.",
        )
    ids, following = found[:number], found[number:]
    left = [following[0], False] if following else [ids[-1], True]
    restart(cursor, sequence, left)
    known = read_state(cursor)
    before = {} if position == known.notes.get("restarted") else {"sequence": position}
    note(cursor, known.phase, restarted=left, **before)
    return ids


def release(cursor: Any) -> None:
    """Give the reserved ids back, unless somebody has drawn a later one since."""
    notes = read_state(cursor).notes
    sequence = feeding_sequences(cursor, "companies").get("id")
    if sequence and notes["sequence"] and read_position(cursor, sequence) == notes.get("restarted"):
        restart(cursor, sequence, notes["sequence"])


def sequence_position(cursor: Any) -> list[Any] | None:
    """Return where the sequence of the companies' ids stands; None where there is none."""
    sequence = feeding_sequences(cursor, "companies").get("id")
    return read_position(cursor, sequence) if sequence else None

"""The phases of a preparation, one after another, from wherever it stands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contacts.restructuring.checks.base import Result
from contacts.restructuring.database.layout import read_layout
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.preparation.filling.backfill import backfill, settle_defaults
from contacts.restructuring.preparation.filling.placing import place_early
from contacts.restructuring.preparation.indexes import make_indexes
from contacts.restructuring.preparation.installing.fences import broken_fences
from contacts.restructuring.preparation.installing.install import begin, install
from contacts.restructuring.preparation.installing.obstacles import obstacles
from contacts.restructuring.preparation.state import Phase, is_begun, read_state
from contacts.restructuring.preparation.verifying.base import take_base
from contacts.restructuring.preparation.verifying.verify import JournalBrokenError, verify
from contacts.restructuring.preparation.work import Worker


def place_and_index(worker: Worker) -> None:
    """Make the indexes; customers are placed, if they are to be, before they get theirs."""
    make_indexes(worker, {"customers": place_early} if worker.place_early else {})


STEPS: dict[Phase, tuple[str, Callable[[Worker], None]]] = {
    Phase.INSTALL: ("Installing the new columns and the journal", install),
    Phase.BASE: ("Taking the fingerprint of every row", take_base),
    Phase.RESERVE: ("Reserving the default companies", settle_defaults),
    Phase.BACKFILL: ("Filling orders.company_id", backfill),
    Phase.INDEX: ("Making the indexes", place_and_index),
}


def prepare(worker: Worker) -> tuple[Result, ...]:
    """Lead the database from wherever it stands to a verified preparation.

    Returns the results of the checks. Raises Failure where the preparation has to stop; what
    was prepared stays, and the next call goes on from there.
    """
    _refuse_obstacles(worker)
    begin(worker)
    renewed = _renew_if_broken(worker)
    while True:
        phase = worker.transact(
            lambda cursor: read_state(cursor).phase, "seeing how far it has come"
        )
        if phase in STEPS:
            text, step = STEPS[phase]
            with worker.journal.step(str(phase), text):
                step(worker)
            continue
        if worker.place_early:
            # On a preparation that was whole already, and whoever came without one meanwhile.
            with worker.journal.step("place early", "Placing customers without a company"):
                place_early(worker)
            worker = replace(worker, layout=read_layout(worker.connection))
        try:
            with worker.journal.step("verify", "Verifying every row"):
                return verify(worker)
        except JournalBrokenError as error:
            if renewed:
                raise
            renewed = True
            _renew(worker, str(error))


def _refuse_obstacles(worker: Worker) -> None:
    def look(cursor: Any) -> list[str]:
        if is_begun(cursor) and read_state(cursor).phase is Phase.ABANDON:
            return [
                "the preparation is being abandoned: run 'manage.py migrate_contacts --abandon' to "
                "its end"
            ]
        return obstacles(cursor, worker.layout)

    found = worker.transact(look, "looking for what stands in the way")
    if found:
        raise Failure(
            "MC901",
            f"This database cannot be prepared online: {'; '.join(found)}. {UNCHANGED} Put that "
            "right, or migrate offline: 'manage.py migrate_contacts'.",
        )


def _renew_if_broken(worker: Worker) -> bool:
    """Begin the journal anew if it cannot be believed any more; return whether that was done."""

    def look(cursor: Any) -> list[str]:
        state = read_state(cursor)
        if state.phase in (Phase.INSTALL, Phase.BASE):
            return []
        return broken_fences(cursor, worker.layout, state)

    broken = worker.transact(look, "checking that the journal is whole")
    if broken:
        _renew(worker, "; ".join(broken))
    return bool(broken)


def _renew(worker: Worker, told: str) -> None:
    worker.journal.wait(f"the journal begins anew: {told}")
    install(worker, anew=True)

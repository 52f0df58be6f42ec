"""Moving very many contacts: in the background, in one transaction, seen from every page.

What is asked for is known by its plan's fingerprint. While it runs, its session's application_name
says how far it is; when it has ended, an entry of the history says how. Both need no table of
their own, and any process that serves the admin finds them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection

from contacts.models import Contact
from contacts.settling.reassignment import ChangedMeanwhileError, Plan
from jmsk.adminsite.refusals import RefusedError, in_plain_words
from jmsk.wording import counted

DONE, FAILED = "Reassigned", "Not reassigned"
TENANT = " in tenant "
KEY = 24
"""Digits of the fingerprint that name it: an application_name holds 63 bytes."""
RUNNING = """
    SELECT split_part(application_name, ' ', 3)::integer FROM pg_stat_activity
     WHERE datname = current_database() AND starts_with(application_name, %s)
"""


@dataclass(frozen=True)
class Asked:
    """A reassignment that somebody asked for: its plan's fingerprint, who, and of which tenant."""

    fingerprint: str
    user: int
    tenant: int

    @property
    def key(self) -> str:
        """The part of the fingerprint that names it."""
        return self.fingerprint[:KEY]


@dataclass(frozen=True)
class Outcome:
    """How a reassignment ended: who had asked for it, when it ended, and what there is to say.

    ``tenant`` is the one of whose contacts it tells.
    """

    done: bool
    who: int
    at: datetime
    told: str
    tenant: int


def tell(plan: Plan) -> str:
    """Return what was done, in one sentence or two."""
    stayed = f" {counted(len(plan.held), 'contact')} stayed." if plan.held else ""
    moved, along = counted(len(plan.moving), "contact"), counted(plan.orders, "order")
    return f"Reassigned {moved} to {plan.company_name}; {along} moved along.{stayed}"


def record(asked: Asked, ending: str, told: str) -> None:
    """Write into the history how a reassignment ended."""
    LogEntry.objects.create(
        user_id=asked.user,
        content_type=ContentType.objects.get_for_model(Contact),
        object_id="",
        object_repr=told[:200],
        action_flag=CHANGE,
        change_message=f"{ending}{TENANT}{asked.tenant} ({asked.key})",
    )


def outcome_of(fingerprint: str, since: datetime) -> Outcome | None:
    """Return how the reassignment that was shown at ``since`` has ended, or None if it has not."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Contact),
        change_message__contains=TENANT,
        change_message__endswith=f" ({fingerprint[:KEY]})",
        action_time__gte=since,
    )
    ended = [_read(entry) for entry in entries.order_by("pk")]
    # A second click that came too late has failed; what counts is that the first one has done it.
    return max(reversed(ended), key=lambda outcome: outcome.done, default=None)


def _read(entry: LogEntry) -> Outcome:
    ending, _, rest = entry.change_message.partition(TENANT)
    tenant = int(rest.partition(" ")[0])
    return Outcome(ending == DONE, entry.user_id, entry.action_time, entry.object_repr, tenant)


def moved_so_far(fingerprint: str) -> int | None:
    """Return how many contacts a running reassignment has moved, or None if none runs."""
    with connection.cursor() as cursor:
        cursor.execute(RUNNING, [f"reassign {fingerprint[:KEY]} "])
        found = cursor.fetchone()
    return None if found is None else int(found[0])


def show_progress(key: str) -> Callable[[int], None]:
    """Return a function that lets the session say how many contacts it has moved."""

    def show(number: int) -> None:
        with connection.cursor() as cursor:
            name = f"reassign {key} {number}"
            cursor.execute("SELECT set_config('application_name', %s, true)", [name])

    return show


def start(work: Callable[[Callable[[int], None]], Plan], asked: Asked) -> None:
    """Begin ``work`` in a thread of its own; what becomes of it, the history tells.

    ``work`` is given the function that it tells its progress. It changes all or nothing: ended with
    its process, it has changed nothing.
    """
    threading.Thread(target=partial(_run, work, asked), name="reassignment").start()


def _run(work: Callable[[Callable[[int], None]], Plan], asked: Asked) -> None:
    try:
        with in_plain_words():
            progress = show_progress(asked.key)
            progress(0)
            record(asked, DONE, tell(work(progress)))
    except ChangedMeanwhileError:
        record(asked, FAILED, CHANGED)
    except RefusedError as error:
        record(asked, FAILED, f"Nothing was changed. {error}")
    except ValidationError as error:
        record(asked, FAILED, " ".join(["Nothing was changed.", *error.messages]))
    except Exception:
        record(asked, FAILED, "Nothing was changed: see the server's log.")
        raise
    finally:
        connection.close()


CHANGED = "Nothing was changed, because the contacts had changed since they were shown."

"""How long a run waits for what others hold."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from contacts.restructuring.failures import UNCHANGED, Failure
from jmsk.wording import counted


@dataclass(frozen=True)
class Patience:
    """How long to wait for locks: ``seconds`` a try, ``tries`` times."""

    seconds: float = 5.0
    tries: int = 12

    @property
    def timeout(self) -> str:
        """The ``lock_timeout`` of a try. 0 would mean: for ever."""
        return f"{max(1, round(self.seconds * 1000))}ms"


EVERYDAY_PATIENCE = Patience()


def retry_until_free(
    attempt: Callable[[], list[str] | None],
    what: str,
    patience: Patience,
    wait: Callable[[str], None],
) -> None:
    """Call ``attempt`` until it returns None; until then it returns who is in the way.

    ``what`` is to be done with the tables: "locked" or "read"; ``wait`` is told for whom it waits.
    Raises Failure after the last try.
    """
    number = 1
    while (blockers := attempt()) is not None:
        told = "; ".join(blockers) or "a session that has just ended"
        if number >= patience.tries:
            raise Failure(
                "MC501",
                f"The tables could not be {what} in {counted(patience.tries, 'try', 'tries')} of "
                f"{patience.seconds:g} s. In the way: {told}. {UNCHANGED} End these sessions, or "
                "wait for them, and run again; --lock-timeout and --lock-tries wait longer.",
            )
        wait(f"try {number} of {patience.tries}: waiting for {told}")
        time.sleep(min(0.5 * number, 3.0))  # lets the queue behind our request move on
        number += 1

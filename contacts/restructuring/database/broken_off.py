"""The failure of work that somebody interrupted, or that the server broke off."""

from contacts.restructuring.failures import INTERRUPTED, ROLLED_BACK, Failure
from contacts.restructuring.journal import Journal
from jmsk.postgres.server_errors import server_words


def broken_off(error: BaseException, journal: Journal) -> Failure:
    """Return the failure of work that was interrupted, or that the server broke off.

    All that it had done has to be undone already.
    """
    told = server_words(error)
    if interrupted(error, journal):
        return Failure(
            "MC802",
            f"Interrupted ({told}) at the step '{journal.current}'. {ROLLED_BACK} Run the same "
            "command again when you want.",
            INTERRUPTED,
        )
    return Failure(
        "MC603",
        f"The server refused or broke off the work at the step '{journal.current}' ({told}). "
        f"{ROLLED_BACK} Put that right, or look into the server's log, then run again.",
    )


def interrupted(error: BaseException, journal: Journal) -> bool:
    """Whether a signal broke the work off: ``error`` is, or comes of, a KeyboardInterrupt."""
    if journal.interrupt.signal:
        return True
    behind: BaseException | None = error
    while behind and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind is not None

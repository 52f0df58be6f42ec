"""What the server says of an error, and which part of it is for people's eyes."""

from typing import Any

INTEGRITY = "23"
"""The class of the errors by which constraints speak."""
DETAIL_IS_A_KEY = ("23503", "23505", "23P01")
"""Violations of a foreign key, a unique key, an exclusion constraint."""


def server_words(error: BaseException) -> str:
    """Return what ``error`` says, in one line: of the server's, its message, detail and hint.

    It ends without a full stop, which the sentence around it brings.
    Left out is the context: it holds the statement, and that of the migration names every contact.
    """
    diagnosis = _diagnosis(error)
    if diagnosis is None:
        lines = (" ".join(line.split()).rstrip(".") for line in str(error).splitlines())
        return ". ".join(filter(None, lines)).replace("?. ", "? ") or type(error).__name__
    parts = (diagnosis.message_primary, shown_detail(diagnosis), diagnosis.message_hint)
    return ". ".join(" ".join(part.split()).rstrip(".") for part in parts if part)


def shown_detail(diagnosis: Any) -> str | None:
    """Return the detail of a psycopg2 ``diag``; None where there is none, or none to be shown.

    Where a constraint refuses a row, the detail may be the whole row: personal data, and no use to
    a person. Only the keys of a foreign, unique or exclusion constraint are shown.
    """
    state = diagnosis.sqlstate or ""
    if state.startswith(INTEGRITY) and state not in DETAIL_IS_A_KEY:
        return None
    detail: str | None = diagnosis.message_detail
    return detail


def _diagnosis(error: BaseException) -> Any:
    """Return the server's own fields, of a psycopg2 error or of Django's around it, or None."""
    for one in (error, error.__cause__):
        found = getattr(one, "diag", None)
        if found is not None and found.message_primary:
            return found
    return None

"""Naming very many rows to the server: one array, where ``IN`` would take a parameter for each."""

from collections.abc import Iterable

from django.db.models.expressions import RawSQL


def among(values: Iterable[object], kind: str = "integer") -> RawSQL:
    """Return what stands on the right of an ``__in`` for ``values`` of the SQL type ``kind``."""
    return RawSQL(f"SELECT unnest(%s::{kind}[])", [list(values)])  # noqa: S611  # a type of ours

"""Functions whose text names tables or columns: PostgreSQL knows nothing of what it depends on."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from jmsk.postgres.queries import rows

TARGET_WORDS = r"\m(contacts|contact_id|addresses)\M"
"""What the target calls what a rollback drops or renames."""
REMEMBERED = "functions"
"""The place of the functions among the legacy objects that a run remembers."""

FUNCTIONS = """
    SELECT p.oid::regprocedure::text, n.nspname::text, p.proname::text,
           encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex')
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prosrc ~* %s AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     ORDER BY 1
"""


@dataclass(frozen=True)
class NamingFunction:
    """A function, with the SHA-256 of its text. ``signature`` is how SQL names it."""

    signature: str
    schema: str
    name: str
    text: str

    @property
    def identity(self) -> list[str]:
        """What it is remembered by: a dump that is restored elsewhere leaves that as it is."""
        return [self.schema, self.name, self.text]


def functions_naming(cursor: Any, words: str) -> list[NamingFunction]:
    """Return the functions of people whose text matches ``words``, a regular expression."""
    return [NamingFunction(*row) for row in rows(cursor, FUNCTIONS, [words])]


def remember_functions(cursor: Any) -> list[list[str]]:
    """Return the functions that use the target's words for something else, for JSON."""
    return [function.identity for function in functions_naming(cursor, TARGET_WORDS)]


def functions_since(cursor: Any, remembered: Collection[list[str]]) -> list[NamingFunction]:
    """Return the functions that name the target's words and are not among the ``remembered``."""
    found = functions_naming(cursor, TARGET_WORDS)
    return [function for function in found if function.identity not in remembered]

"""A case of a check: what breaks it, and what it has to say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A way to break the check ``id``: SQL, and the first sentence that says so, or a part of it.

    Parameters: count, how many rows or objects it names; role, whether the run acts as a role of
    its own, ``{role}`` in the SQL; query, whether the check gives one, which finds all the rows;
    name, what tells the case from others of its check.
    """

    id: str
    sql: str
    message: str
    count: int = 1
    role: bool = False
    query: bool = False
    name: str = ""

    def __str__(self) -> str:
        return f"{self.id}: {self.name or self.message}"

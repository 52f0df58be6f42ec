"""Fewer round trips under a lock: what has no answer is sent together with what has one.

While the tables are locked each round trip is waiting time for everybody, a server that is some
milliseconds away makes it seconds. Statements that return nothing wait here for the next one that
does, and the server gets them in one message, in their order, each with the effects of those before
it. An error among them is raised by the statement that took them along, at the end of the journal's
step at the latest.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

NO_ANSWER = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ALTER|CREATE|DROP|COMMENT|SET|DO|GRANT|REVOKE)\b", re.IGNORECASE
)
"""Statements of which nobody reads an answer, not even how many rows they touched."""
NEXT = b"\n;\n"


@dataclass
class Batch:
    """An execute wrapper that lets statements without an answer wait for the next with one.

    ``sent`` is how many messages the server got.
    """

    connection: BaseDatabaseWrapper
    waiting: list[bytes] = field(default_factory=list)
    sent: int = 0

    def __call__(
        self, execute: Any, statement: Any, parameters: Any, many: bool, context: Any
    ) -> Any:
        if many:
            self.flush()
        waits = not many and self._waits(statement)
        if not waits and not self.waiting:
            self.sent += 1
            return execute(statement, parameters, many, context)
        text = context["cursor"].mogrify(statement, parameters)
        if waits:
            self.waiting.append(text)
            return None
        self.sent += 1
        return execute(self._take(text), None, many, context)

    def flush(self) -> None:
        """Send what waits. What goes past the wrapper, as COPY and COMMIT do, needs it before."""
        if not self.waiting:
            return
        self.sent += 1
        with self.connection.wrap_database_errors, self.connection.connection.cursor() as cursor:
            cursor.execute(self._take())

    def _take(self, *more: bytes) -> bytes:
        taken, self.waiting = NEXT.join([*self.waiting, *more]), []
        return taken

    def _waits(self, statement: Any) -> bool:
        raw = self.connection.connection
        text = statement if isinstance(statement, str) else statement.as_string(raw)
        return NO_ANSWER.match(text) is not None


@contextmanager
def batched(connection: BaseDatabaseWrapper) -> Iterator[Batch]:
    """Let what has no answer wait inside; whatever still waits is sent at the end.

    It comes before the other wrappers, which so see what is sent.
    """
    batch = Batch(connection)
    connection.execute_wrappers.insert(0, batch)
    try:
        yield batch
        batch.flush()
    finally:
        connection.execute_wrappers.remove(batch)

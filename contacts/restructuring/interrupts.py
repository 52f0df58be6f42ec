"""Ctrl-C and SIGTERM while the server works.

Python runs its signal handlers between bytecodes, so a process that waits inside libpq would hear
Ctrl-C only when the statement is done. The wake-up descriptor is written at once, by the C handler;
a thread reads it and asks the server to cancel the statement.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import Error

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextmanager
def cancel_on_signals(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt, and cancel what the server is doing.

    Outside the main thread, where Python takes no signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_cancel, args=(reader, connection), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)  # ends the thread


def _cancel(reader: int, connection: BaseDatabaseWrapper) -> None:
    """Cancel the running statement for each signal, until the pipe is closed."""
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while received := pipe.read(1):
            if received[0] in SIGNALS and connection.connection is not None:
                with suppress(Error):  # the statement has ended meanwhile
                    connection.connection.cancel()

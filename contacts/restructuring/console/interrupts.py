"""Ctrl-C, SIGTERM and the end of the terminal while the server works.

Python runs its signal handlers between bytecodes, so a process that waits inside libpq would hear
Ctrl-C only when the statement is done. The wake-up descriptor is written at once, by the C handler;
a thread reads it and asks the server to cancel the statement. A signal that comes just before the
main thread begins to wait, for a statement or for an answer at the terminal, would wait with it: so
the thread goes on until the main thread has heard.

What a handler raises inside a finalizer (`__del__`, a weak reference's callback) Python reports and
forgets. It is raised again: else a run goes on, and commits, that the operator has stopped.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import Error

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NUDGE = signal.SIGURG
"""Ends a system call of the main thread and means nothing else."""
PAUSE_SECONDS = 0.1


@contextmanager
def cancel_on_signals(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Turn SIGNALS into KeyboardInterrupt, and cancel what the server is doing.

    Under nohup, SIGHUP stays ignored. Outside the main thread, where Python takes no signals, it
    does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = threading.Event()
    swallowed: list[int] = []
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.set()
        raise KeyboardInterrupt(signal.Signals(number).name)

    def nudged(number: int, frame: FrameType | None) -> None:
        if swallowed:
            interrupt(swallowed.pop(), frame)

    def unraisable(lost: Any) -> None:
        if not isinstance(lost.exc_value, KeyboardInterrupt):
            report(lost)
            return
        swallowed.append(signal.Signals[str(lost.exc_value)])
        heard.clear()
        os.write(writer, bytes(swallowed[-1:]))

    nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    heeded = [number for number in SIGNALS if not (nohup and number == signal.SIGHUP)]
    before = {number: signal.signal(number, interrupt) for number in heeded}
    before[NUDGE] = signal.signal(NUDGE, nudged)
    report, sys.unraisablehook = sys.unraisablehook, unraisable
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_pass_on, args=(reader, connection, heard), daemon=True).start()
    try:
        yield
    finally:
        heard.set()
        sys.unraisablehook = report
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)  # ends the thread


def _pass_on(reader: int, connection: BaseDatabaseWrapper, heard: threading.Event) -> None:
    """Cancel the running statement for each signal, until the pipe is closed."""
    main = threading.main_thread().ident
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while received := pipe.read(1):
            if received[0] not in SIGNALS:
                continue
            _cancel(connection)
            while main is not None and not heard.wait(PAUSE_SECONDS):
                _cancel(connection)
                signal.pthread_kill(main, NUDGE)


def _cancel(connection: BaseDatabaseWrapper) -> None:
    running = connection.connection
    if running is not None:
        with suppress(Error):  # the statement has ended meanwhile
            running.cancel()

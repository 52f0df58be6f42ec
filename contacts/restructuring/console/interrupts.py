"""Ctrl-C, SIGTERM and the end of the terminal while the server works.

Python runs its signal handlers between bytecodes, so a process that waits inside libpq would hear
Ctrl-C only when the statement is done. The wake-up descriptor is written at once, by the C handler;
a thread reads it and asks the server to cancel the statement. A signal that comes just before the
main thread begins to wait, for a statement or for an answer at the terminal, would wait with it: so
the thread goes on until the main thread has heard.

What a handler raises inside a finalizer (`__del__`, a weak reference's callback) Python reports and
forgets. It is raised again: else a run goes on, and commits, that the operator has stopped.

A handler sets plain attributes and raises; it takes no lock. A second signal may come while the
first one's handler is at work, and would wait for a lock that this one holds for ever.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from contacts.restructuring.database.cancel import cancel_statement
from contacts.restructuring.journal import Interrupt

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NUDGE = signal.SIGURG
"""Ends a system call of the main thread and means nothing else."""
MOMENT = 0.05
"""Seconds in which a main thread that does not wait for the server answers."""


@contextmanager
def cancel_on_signals(connection: BaseDatabaseWrapper, interrupt: Interrupt) -> Iterator[None]:
    """Turn SIGNALS into KeyboardInterrupt, and cancel what the server is doing.

    ``interrupt`` is told which signal it was. Under nohup, SIGHUP stays ignored. Outside the main
    thread, where Python takes no signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = _Handlers(interrupt, writer)
    nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    heeded = [number for number in SIGNALS if not (nohup and number == signal.SIGHUP)]
    before = {number: signal.signal(number, handlers.interrupt) for number in heeded}
    before[NUDGE] = signal.signal(NUDGE, handlers.nudge)
    handlers.report, sys.unraisablehook = sys.unraisablehook, handlers.unraisable
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_pass_on, args=(reader, connection, handlers), daemon=True).start()
    try:
        yield
    finally:
        handlers.ended = True
        sys.unraisablehook = handlers.report
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)  # ends the thread


@dataclass
class _Handlers:
    """What the signals call, and the plain attributes that they set.

    ``answers``: how many handlers the main thread has run. ``swallowed``: a signal whose exception
    was raised inside a finalizer, 0 for none. ``ended``: nobody is to be woken any more.
    ``reporting``: the finalizer's exception is just being noted.
    """

    known: Interrupt
    writer: int
    answers: int = 0
    swallowed: int = 0
    reporting: bool = False
    ended: bool = False
    report: Any = field(default=None)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        self.answers += 1
        self.known.signal = signal.Signals(number).name
        raise KeyboardInterrupt(self.known.signal)

    def nudge(self, number: int, frame: FrameType | None) -> None:
        if self.reporting:  # what is raised now would be forgotten, too
            return
        self.answers += 1
        if self.swallowed:
            number, self.swallowed = self.swallowed, 0
            self.interrupt(number, frame)

    def unraisable(self, lost: Any) -> None:
        if not isinstance(lost.exc_value, KeyboardInterrupt):
            self.report(lost)
            return
        self.reporting = True
        self.swallowed = signal.Signals[str(lost.exc_value)]
        os.write(self.writer, bytes([self.swallowed]))
        self.reporting = False


def _pass_on(reader: int, connection: BaseDatabaseWrapper, handlers: _Handlers) -> None:
    """Cancel the running statement for each signal that is not heard, until the pipe is closed."""
    heard = 0
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while received := pipe.read(1):
            if received[0] not in SIGNALS:
                continue
            while not handlers.ended and not _answered(handlers, heard):
                cancel_statement(connection)
            heard = handlers.answers


def _answered(handlers: _Handlers, before: int) -> bool:
    """Nudge the main thread for a moment; return whether it has run a handler since ``before``.

    One that is busy in Python answers at once, and what it does by now must not be cancelled.
    """
    main = threading.main_thread().ident
    deadline = time.monotonic() + MOMENT
    while handlers.answers == before and time.monotonic() < deadline:
        time.sleep(MOMENT / 5)
        if main is not None:
            signal.pthread_kill(main, NUDGE)
    return handlers.answers != before

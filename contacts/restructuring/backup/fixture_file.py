"""A table's file: lines, compressed in another thread while the server makes the next ones."""

import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from contacts.restructuring.backup.compression import BLOCK, compressor, expand, one_ahead

MOST_WAITING = 4
"""Blocks that may wait for the compression before the server has to."""

LINE_SEPARATORS = {
    "\u0085".encode(): b"\\u0085",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}
"""Characters that ``str.splitlines``, and so Django's deserializer, takes for the end of a line."""


@dataclass(frozen=True)
class Written:
    """A file as it was written, with a line for each of ``rows``.

    ``content_sha256`` is that of the lines before compression.
    """

    size: int
    sha256: str
    content_sha256: str
    rows: int


class FixtureWriter:
    """A file to give to COPY. Use as a context manager; ``written`` is set afterwards.

    Parameters: ``path``, which must not exist; ``progress``, called with the lines written so far.
    Each write must be of one whole line. Raises OSError, from any write, if one failed.
    """

    def __init__(self, path: Path, progress: Callable[[int], None] = lambda lines: None) -> None:
        self.progress = progress
        self.written: Written
        self._path = path
        self._lines: list[bytes] = []
        self._pending = 0
        self._waiting: deque[Future[None]] = deque()
        self._compress = compressor()
        self._sha256 = hashlib.sha256()
        self._content_sha256 = hashlib.sha256()
        self._count = 0
        self._size = 0

    def __enter__(self) -> "FixtureWriter":
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb", buffering=0)
        self._worker = ThreadPoolExecutor(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        with self._file, self._worker:
            if kind is None:
                self._finish()

    def write(self, line: bytes) -> int:
        """Take one whole line."""
        if b"\xc2" in line or b"\xe2" in line:  # with one of these begins each LINE_SEPARATOR
            for character, escape in LINE_SEPARATORS.items():
                line = line.replace(character, escape)
        self._lines.append(line)
        self._pending += len(line)
        if self._pending >= BLOCK:
            self._pass_on()
        return len(line)

    def _pass_on(self) -> None:
        """Hand the lines to the other thread, once there is room for them."""
        self._wait(MOST_WAITING - 1)
        self._waiting.append(self._worker.submit(self._store, b"".join(self._lines)))
        self._count += len(self._lines)
        self._lines, self._pending = [], 0
        self.progress(self._count)

    def _wait(self, left: int) -> None:
        while len(self._waiting) > left:
            self._waiting.popleft().result()

    def _store(self, block: bytes) -> None:
        self._content_sha256.update(block)
        self._put(self._compress.compress(block))

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._sha256.update(data)
        self._size += len(data)

    def _finish(self) -> None:
        self._pass_on()
        self._wait(0)
        self._put(self._compress.flush())
        os.fsync(self._file.fileno())
        self.written = Written(
            self._size, self._sha256.hexdigest(), self._content_sha256.hexdigest(), self._count
        )


def read_back(path: Path, progress: Callable[[int], None] = lambda lines: None) -> Written:
    """Read a file from the disk and return what is in it; ``progress`` hears the lines so far.

    Raises OSError if it cannot be read, ValueError, which says why, if it is not whole gzip.
    """
    sha256, content_sha256, size, lines = hashlib.sha256(), hashlib.sha256(), 0, 0

    def take(data: bytes) -> None:
        nonlocal size
        sha256.update(data)
        size += len(data)

    with closing(one_ahead(expand(path, take))) as blocks:
        for block in blocks:
            content_sha256.update(block)
            lines += block.count(b"\n")
            progress(lines)
    return Written(size, sha256.hexdigest(), content_sha256.hexdigest(), lines)

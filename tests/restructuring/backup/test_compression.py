"""Compression: by either library, read by the other and by gzip, and trusted with nothing."""

import gzip
import random
import zlib
from collections.abc import Generator
from pathlib import Path

import pytest

from contacts.restructuring.backup import compression
from contacts.restructuring.backup.compression import BLOCK, compressor, expand, one_ahead

isal_zlib = pytest.importorskip("isal.isal_zlib")
LIBRARIES = pytest.mark.parametrize("library", [zlib, isal_zlib], ids=["zlib", "isal"])
CONTENT = b"".join(b'{"pk": %d, "fields": {}}\n' % number for number in range(100_000))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.jsonl.gz"


def use(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    monkeypatch.setattr(compression, "zlib", library)


def write(path: Path) -> None:
    machine = compressor()
    path.write_bytes(machine.compress(CONTENT) + machine.flush())


@LIBRARIES
def test_what_is_written_is_gzip(
    monkeypatch: pytest.MonkeyPatch, file: Path, library: object
) -> None:
    use(monkeypatch, library)
    write(file)
    assert gzip.decompress(file.read_bytes()) == CONTENT


@LIBRARIES
def test_what_the_other_library_has_written_is_read(
    monkeypatch: pytest.MonkeyPatch, file: Path, library: object
) -> None:
    use(monkeypatch, zlib if library is isal_zlib else isal_zlib)
    write(file)
    use(monkeypatch, library)
    taken: list[bytes] = []
    assert b"".join(expand(file, taken.append)) == CONTENT
    assert b"".join(taken) == file.read_bytes()


@LIBRARIES
def test_a_block_is_small_however_well_it_was_compressed(
    monkeypatch: pytest.MonkeyPatch, file: Path, library: object
) -> None:
    use(monkeypatch, library)
    file.write_bytes(gzip.compress(bytes(20 * BLOCK)))
    blocks = [len(block) for block in expand(file)]
    assert sum(blocks) == 20 * BLOCK
    assert max(blocks) <= BLOCK


@LIBRARIES
def test_what_is_not_whole_gzip_is_refused(
    monkeypatch: pytest.MonkeyPatch, file: Path, library: object
) -> None:
    use(monkeypatch, library)
    write(file)
    whole = file.read_bytes()
    chance = random.Random(7)  # noqa: S311  # the same bytes each time
    flipped = [_flipped(whole, chance) for _ in range(100)]
    for broken in (b"", b"{}", whole[:9], whole[:-1], whole + b"\n", whole + whole, *flipped):
        file.write_bytes(broken)
        with pytest.raises(ValueError, match=r"orders\.jsonl\.gz is (damaged|cut short)"):
            list(expand(file))


def _flipped(whole: bytes, chance: random.Random) -> bytes:
    # The first ten bytes are the header, in which a time or a system may be anything.
    place = chance.randrange(10, len(whole))
    return whole[:place] + bytes([whole[place] ^ chance.randrange(1, 256)]) + whole[place + 1 :]


def numbers(until: int) -> Generator[int, None, None]:
    yield from range(until)


def test_one_ahead_gives_all_of_it_in_order() -> None:
    assert list(one_ahead(numbers(5))) == [0, 1, 2, 3, 4]


def test_one_ahead_closes_what_is_not_read_to_its_end() -> None:
    closed = []

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    blocks = one_ahead(endless())
    assert next(blocks) == 1
    blocks.close()
    assert closed == [True]


def test_one_ahead_passes_on_what_went_wrong() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("the disk is gone")

    blocks = one_ahead(broken())
    assert next(blocks) == 1
    with pytest.raises(ValueError, match="the disk is gone"):
        next(blocks)

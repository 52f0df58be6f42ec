"""Whether a backup's files are, byte for byte, what its manifest says."""

from pathlib import Path

from contacts.restructuring.fixture_file import Written, read_back
from contacts.restructuring.manifest import FILE_NAME, Manifest, parse


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in ``folder``. Raises OSError or, saying why, ValueError."""
    try:
        return parse((folder / FILE_NAME).read_bytes())
    except ValueError as error:
        raise ValueError(f"{FILE_NAME} cannot be used: {error}") from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Read every file from the disk and compare. Raises OSError or, naming the file, ValueError."""
    if read_manifest(folder) != manifest:
        raise ValueError(f"{FILE_NAME} does not read back as it was written")
    for table in manifest.tables:
        if table.file != Path(table.file).name:
            raise ValueError(f"{FILE_NAME} names {table.file}, which is not a file of this folder")
        found = read_back(folder / table.file)
        if found != Written(table.size, table.sha256, table.content_sha256, table.rows):
            raise ValueError(
                f"{table.file} is not as it was written: its checksum is {found.sha256}, and the "
                f"manifest says {table.sha256}"
            )

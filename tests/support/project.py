"""Where the project lies, and the environment of a shell that works on it."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def environment(database_url: str) -> dict[str, str]:
    """Return the environment of an operator's shell that names this database."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATABASE_URL": database_url, "PYTHONUTF8": "1"}

"""Runs of migrate_contacts inside the test's process, with what they printed."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from jsonschema import Draft202012Validator, FormatChecker

from contacts.restructuring.reports.json_format import report_schema


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Told:
    """How a run ended, and what it said."""

    code: int
    out: str
    err: str
    error: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output, which keeps to the schema."""
        return valid(json.loads(self.out))


def run(*arguments: str, screen: bool = False) -> Told:
    """Run the command; a refusal is an outcome like others. With ``screen``, on terminals."""
    out, err = (Screen(), Screen()) if screen else (io.StringIO(), io.StringIO())
    try:
        call_command("migrate_contacts", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return Told(error.returncode, out.getvalue(), err.getvalue(), str(error))
    return Told(0, out.getvalue(), err.getvalue())


def run_into(folder: Path, *arguments: str) -> Told:
    """Run without questions, with the backups and reports in ``folder``."""
    return run(*arguments, "--noinput", "--backup-dir", str(folder))


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """Return ``document``, which keeps to the schema of the reports."""
    Draft202012Validator(report_schema(), format_checker=FormatChecker()).validate(document)
    return document

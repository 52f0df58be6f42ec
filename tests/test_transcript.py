"""The transcript in the README is what the command prints.

Where the command prints something else by intention, write it anew:

    REGENERATE=1 pytest -n 0 tests/test_transcript.py
"""

import os
import re
from pathlib import Path

from tests.support.database.databases import Database
from tests.support.runs.command import start
from tests.test_documentation import FENCE, MOST_LINES_OF_TRANSCRIPT, README

TITLE = "\n## What you will see\n"
LEFT_OUT = "[…]"
KEPT = re.compile(
    r"""
    Database: | ✓\ \d+\ checks | ⚠\ Orphaned | \s+⚠\ WARNING:\ \d+\ customers
    | \s+-\ Customer\ [\d]+ | \s+→\ Nothing\ to\ do | [✓⚠]\ PRE-MIGRATION\ VALIDATION
    | ✓\ Backed\ up\ \d+\ rows\ of\ orders | \s+The\ backup\ lies | What\ will\ happen
    | \s+-\ (customers\ is|orders\ get|readers\ and|every\ row)
    | Proceed\ with | [✓⚠]\ POST-MIGRATION | Report:\ .*html | [✓⚠]\ MIGRATION\ COMPLETED
    | .*\bcreated\b.*\bplaced\b | \s+(contacts\ placed|locked\ out)\b.*
    | To\ undo | \s+python\ manage
    """,
    re.VERBOSE,
)
"""How the lines begin that are kept; in the place of others stands one mark."""
MOST_CUSTOMERS = 1
PLACES = (
    (
        r"(?m)^Database: .*",
        "Database: jmsk on socket /srv/contacts/.postgres/server, as postgres (PostgreSQL 16.14)",
    ),
    (r"migration_(report_)?\d{8}_\d{6}(_\d+)?", r"migration_\g<1>20261127_061255"),
    (r"\b\d+\.\d+ s\b", "2.1 s"),
    (r"(?m)^(Proceed with .*: )$", r"\1yes"),
)
"""What differs from run to run, and what stands for it."""


def shortened(text: str) -> str:
    """Return the lines of ``text`` that are kept, with a mark where others were."""
    told: list[str] = []
    customers = 0
    for line in text.splitlines():
        customers += line.lstrip().startswith("- Customer ")
        too_many = line.lstrip().startswith("- Customer ") and customers > MOST_CUSTOMERS
        if KEPT.match(line) and not too_many and not (line.startswith("Data") and line in told):
            told.append(line)
        elif told and told[-1] != LEFT_OUT:
            told.append(LEFT_OUT)
    return "\n".join(told).removesuffix(f"\n{LEFT_OUT}")


def transcript(database: Database, folder: Path) -> str:
    """Do the full run, answer its question, and return what it printed, shortened."""
    with start(database, "--backup-dir", str(folder), terminal=True) as begun:
        begun.wait_for("Proceed with migration?")
        begun.answer("yes")
        done = begun.end()
    assert done.code == 0, done
    text = done.out.replace(str(folder), "/srv/contacts/backups")
    for pattern, told in PLACES:
        text = re.sub(pattern, told, text)
    return shortened(text)


def test_the_transcript_is_what_the_command_prints(sample: Database, tmp_path: Path) -> None:
    whole = README.read_text(encoding="utf-8")
    before, title, after = whole.partition(TITLE)
    now = transcript(sample, tmp_path)
    assert len(now.splitlines()) <= MOST_LINES_OF_TRANSCRIPT

    wanted = before + title + FENCE.sub(lambda _: f"```\n{now}\n```", after, count=1)

    if os.environ.get("REGENERATE"):
        README.write_text(wanted, encoding="utf-8")
    assert whole == wanted, "see the module's docstring: REGENERATE=1"

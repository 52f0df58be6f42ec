"""Ids of created companies come from the sequence that feeds the key, which goes back with them."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.database.photograph import DJANGOS_OWN
from tests.support.runs.command import assert_migrates, migrate, run

pytestmark = pytest.mark.slow

ROWS = """
INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum'), (2, 'Bijou', 'bijou');
INSERT INTO companies (id, tenant_id, name) VALUES (3, 1, 'Ring & Co'), (1000000, 2, 'far ahead');
INSERT INTO customers (id, tenant_id, name, email) VALUES
    (11, 1, 'Ada', 'ada@example.com'), (12, 2, 'Ben', 'ben@example.com');
"""
NEXT = "INSERT INTO companies (tenant_id, name) VALUES (1, 'next') RETURNING id"
CREATED = "SELECT id FROM companies WHERE is_default ORDER BY tenant_id"

# name: what the sequence is like, the ids that are created, and what it gives next.
SEQUENCES = {
    "plain": ("SELECT setval('companies_id_seq', 1)", [2, 4], 5),
    "never used": ("", [1, 2], 4),
    "ownerless and renamed": (
        "ALTER SEQUENCE companies_id_seq OWNED BY NONE;"
        "ALTER SEQUENCE companies_id_seq RENAME TO company_ids",
        [1, 2],
        4,
    ),
    "ownerless under the target's own name": (
        "ALTER SEQUENCE companies_id_seq OWNED BY NONE",
        [1, 2],
        4,
    ),
    "of another schema": (
        'CREATE SCHEMA "The Ids"; CREATE SEQUENCE "The Ids"."Company" START 70;'
        """ALTER TABLE companies ALTER id SET DEFAULT nextval('"The Ids"."Company"')""",
        [70, 71],
        72,
    ),
    "every tenth": ("ALTER SEQUENCE companies_id_seq INCREMENT 10 RESTART 13", [13, 23], 33),
    "every tenth, taken": (
        "ALTER SEQUENCE companies_id_seq INCREMENT 10 RESTART 3",
        [13, 23],
        33,
    ),
    "downwards": (
        "ALTER SEQUENCE companies_id_seq INCREMENT -1 MINVALUE -9 MAXVALUE 4 START 4 RESTART 4",
        [4, 2],
        1,
    ),
    "identity": (
        "ALTER TABLE companies ALTER id DROP DEFAULT; DROP SEQUENCE companies_id_seq;"
        "ALTER TABLE companies ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 2 INCREMENT 1)",
        [2, 4],
        5,
    ),
    "at its last two": ("ALTER SEQUENCE companies_id_seq MAXVALUE 2", [1, 2], None),
}


@pytest.mark.parametrize(("sequence", "created", "following"), SEQUENCES.values(), ids=SEQUENCES)
def test_created_ids_are_the_sequences_next_and_it_goes_on_behind_them(
    legacy: Database,
    tmp_path: Path,
    sequence: str,
    created: list[int],
    following: int | None,
) -> None:
    legacy.execute(ROWS + sequence)
    before = legacy.dump()

    assert_migrates(tmp_path)
    assert legacy.fetch(CREATED) == [(number,) for number in created]

    assert run("--rollback", "--noinput", "--backup-dir", str(tmp_path)).code == 0
    after = legacy.dump(*(f"--exclude-table={name}" for name in DJANGOS_OWN))
    assert sequence_lines(after) == sequence_lines(before)

    assert_migrates(tmp_path)
    assert legacy.fetch(CREATED) == [(number,) for number in created]
    if following is not None:
        assert legacy.value(NEXT) == following


def sequence_lines(dump: str) -> list[str]:
    """Return what a dump says of the sequences that feed companies."""
    return [
        line
        for line in dump.splitlines()
        if "setval" in line and ("compan" in line.lower() or "number" in line)
    ]


IDENTITY = """
ALTER TABLE companies ADD number integer GENERATED ALWAYS AS IDENTITY (START 297);
ALTER TABLE companies ADD label varchar DEFAULT 'C-' || nextval('labels')
"""


def test_other_sequences_of_the_table_advance_by_nothing_that_is_undone(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(ROWS + "CREATE SEQUENCE labels START 5;" + IDENTITY)
    state = "SELECT s.last_value, s.is_called, l.last_value, l.is_called FROM {}, labels l"
    state = state.format("companies_number_seq s")
    before = legacy.fetch(state)

    assert migrate(tmp_path, "--rehearse").code == 0
    assert legacy.fetch(state) == before

    assert_migrates(tmp_path)
    assert legacy.fetch("SELECT number, label FROM companies WHERE is_default ORDER BY id") == [
        (299, "C-7"), (300, "C-8"),
    ]  # fmt: skip
    assert legacy.fetch(state) != before

    assert run("--rollback", "--noinput", "--backup-dir", str(tmp_path)).code == 0
    assert legacy.fetch(state) == before


def test_the_keys_own_sequence_is_no_stranger_under_the_targets_name(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(ROWS + "ALTER SEQUENCE customers_id_seq OWNED BY NONE;"
                   "ALTER SEQUENCE customers_id_seq RENAME TO contacts_id_seq")  # fmt: skip

    assert_migrates(tmp_path)

    assert legacy.value(
        "INSERT INTO contacts (tenant_id, name, company_id) VALUES (1, 'Eve', 3) RETURNING id"
    ) == 1  # fmt: skip

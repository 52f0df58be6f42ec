"""--rollback on a database that somebody has meddled with since: it comes back all the same."""

from pathlib import Path

import pytest

from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph, without_sequence
from tests.support.runs.command import Result, assert_migrates, run

pytestmark = pytest.mark.slow


def test_default_companies_of_a_restored_backup_go_too(legacy: Database, tmp_path: Path) -> None:
    """They come of an earlier migration than the tables do, and bear other ids."""
    legacy.execute(awkward.ROWS)
    before = photograph(legacy)
    assert_migrates(tmp_path)
    legacy.execute("INSERT INTO tenants (id, name, subdomain) VALUES (6, 'Sixth', 'sixth')")
    legacy.execute(
        "INSERT INTO companies (id, tenant_id, name) VALUES (2147483104, 6, 'Default Company')"
    )
    assert run("--rollback", "--noinput", "--backup-dir", str(tmp_path)).code == 0
    legacy.execute("DELETE FROM companies WHERE id = 2147483104")
    legacy.execute("INSERT INTO companies (tenant_id, name) VALUES (1, 'New')")
    assert_migrates(tmp_path)
    (backup,) = (file.parent for file in tmp_path.glob("*/contacts.jsonl.gz"))
    options = ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    assert run("--restore", str(backup), *options).code == 0

    assert roll_back(tmp_path).code == 0

    entered = "SELECT id, tenant_id, name FROM companies WHERE id > 2147483000"
    assert legacy.fetch(entered) == [(2147483104, 6, "Default Company")]
    legacy.execute("DELETE FROM companies WHERE id = 2147483104; DELETE FROM tenants WHERE id = 6")
    sequence = "companies_id_seq"
    assert without_sequence(photograph(legacy), sequence) == without_sequence(before, sequence)


def test_what_somebody_has_dropped_of_the_target_does_not_stand_in_the_way(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    before = photograph(legacy)
    assert_migrates(tmp_path)
    legacy.execute("""
        DROP TRIGGER trg_validate_contact_company ON contacts;
        DROP FUNCTION trg_validate_company_tenant() CASCADE;
        ALTER TABLE companies DROP CONSTRAINT fk_companies_default_address,
            DROP CONSTRAINT ck_companies_fax_format;
        ALTER TABLE contacts DROP CONSTRAINT uq_contact_email_per_company;
        ALTER TABLE orders DROP CONSTRAINT fk_orders_contact, DROP CONSTRAINT fk_orders_company;
        DROP INDEX uq_companies_one_default_per_tenant, ix_contacts_tenant_company;
    """)
    roll_back(tmp_path)
    assert changes(before, photograph(legacy)) == []


@pytest.mark.parametrize(
    "key",
    [
        "ALTER TABLE contacts DROP CONSTRAINT contacts_pkey CASCADE",
        "ALTER TABLE companies DROP CONSTRAINT companies_pkey CASCADE",
        "ALTER TABLE contacts RENAME CONSTRAINT contacts_pkey TO moved",
    ],
)
def test_a_primary_key_that_somebody_has_dropped_or_renamed_comes_back(
    legacy: Database, tmp_path: Path, key: str
) -> None:
    legacy.execute(awkward.ROWS)
    before = photograph(legacy)
    assert_migrates(tmp_path)
    legacy.execute(key)
    done = roll_back(tmp_path)
    assert (done.code, done.error) == (0, "")
    assert changes(before, photograph(legacy)) == []


REMAKE = """
    DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
                    WHERE conname = 'known' LOOP
            ALTER TABLE contacts DROP CONSTRAINT known;
            EXECUTE 'ALTER TABLE contacts ADD CONSTRAINT known ' || one.definition;
        END LOOP;
        EXECUTE 'DROP INDEX chosen; ' || pg_get_indexdef('chosen'::regclass);
    END $$
"""


@pytest.mark.parametrize(
    "meanwhile",
    [REMAKE, "ALTER TABLE contacts DROP CONSTRAINT known; DROP INDEX chosen"],
    ids=["dumped and restored", "dropped"],
)
def test_a_choice_of_texts_is_the_same_however_it_is_printed(
    legacy: Database, tmp_path: Path, meanwhile: str
) -> None:
    legacy.execute(awkward.ROWS)
    legacy.execute(
        "ALTER TABLE customers ADD CONSTRAINT known CHECK (phone NOT IN ('it''s', '(1), ')); "
        "CREATE UNIQUE INDEX chosen ON customers (id) WHERE name IN ('Ada', 'Zoë')"
    )
    assert_migrates(tmp_path)
    legacy.execute(meanwhile)
    done = roll_back(tmp_path)
    assert (done.code, done.error) == (0, "")
    assert legacy.value("SELECT count(*) FROM pg_constraint WHERE conname = 'known'") == 1
    assert legacy.value("SELECT indisunique FROM pg_index WHERE indexrelid = 'chosen'::regclass")


def test_comments_and_marks_that_somebody_has_given_since_stay(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    assert_migrates(tmp_path)
    legacy.execute("""
        COMMENT ON CONSTRAINT contacts_pkey ON contacts IS 'the key';
        ALTER TABLE contacts CLUSTER ON ix_contacts_company_id;
        ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_pkey
    """)
    done = roll_back(tmp_path)
    assert (done.code, done.error) == (0, "")
    told = "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = %s"
    assert legacy.value(told, ["customers_pkey"]) == "the key"
    marked = "SELECT indexrelid::regclass::text FROM pg_index WHERE {} ORDER BY 1"
    assert legacy.fetch(marked.format("indisclustered")) == [("ix_customers_company_id",)]
    assert legacy.fetch(marked.format("indisreplident")) == [("orders_pkey",)]


def test_rules_of_others_do_not_interfere_and_are_as_before(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(
        awkward.ROWS
        + """CREATE TABLE seen (id integer);
        CREATE RULE no_change AS ON UPDATE TO customers DO INSTEAD NOTHING;
        CREATE RULE log_change AS ON UPDATE TO customers DO ALSO INSERT INTO seen VALUES (OLD.id);
        CREATE RULE no_end AS ON DELETE TO companies DO INSTEAD NOTHING;
        ALTER TABLE companies ENABLE ALWAYS RULE no_end"""
    )
    before = photograph(legacy)
    assert_migrates(tmp_path)
    assert legacy.value("SELECT count(*) FROM contacts WHERE company_id IS NULL") == 0
    assert roll_back(tmp_path).code == 0
    assert changes(before, photograph(legacy)) == []


def roll_back(folder: Path) -> Result:
    return run("--rollback", "--noinput", "--skip-backup", "--backup-dir", str(folder))

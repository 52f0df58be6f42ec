"""``--placeholder-contacts``: a tenant's orders without a contact get one, which goes again."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.database.photograph import photograph, without_sequence
from tests.support.runs.command import assert_migrates, assert_refused, assert_succeeds, run_into

pytestmark = pytest.mark.slow

PLACEHOLDERS = "SELECT id, tenant_id FROM contacts WHERE name = 'Unknown contact' ORDER BY id"
UNKNOWN = "SELECT id FROM orders WHERE {} IS NULL ORDER BY id"
STANDING = """
    SELECT o.id FROM orders o JOIN contacts c ON c.id = o.contact_id
      JOIN companies d ON d.id = c.company_id AND d.is_default AND d.tenant_id = o.tenant_id
     WHERE c.name = 'Unknown contact' AND c.tenant_id = o.tenant_id AND o.company_id = d.id
     ORDER BY o.id
"""


def legacy_photograph(database: Database) -> str:
    """Return the photograph of a legacy database but for the ids that customers have used up."""
    return without_sequence(photograph(database), "customers_id_seq")


@pytest.fixture
def before(sample: Database) -> str:
    return legacy_photograph(sample)


def test_each_tenants_orders_get_one_and_give_it_back(
    sample: Database, before: str, tmp_path: Path
) -> None:
    unknown = sample.fetch(UNKNOWN.format("customer_id"))
    tenants = sample.value("SELECT count(DISTINCT tenant_id) FROM orders WHERE customer_id IS NULL")

    assert_migrates(tmp_path, "--placeholder-contacts")
    assert sample.fetch(STANDING) == unknown
    assert len(sample.fetch(PLACEHOLDERS)) == tenants > 1
    assert_succeeds(tmp_path, "--verify-only")
    sample.execute(
        "INSERT INTO contacts (tenant_id, company_id, name, email) "
        "SELECT tenant_id, id, 'New', 'new@example.com' FROM companies LIMIT 1"
    )
    sample.execute("DELETE FROM contacts WHERE name = 'New'")
    assert_succeeds(tmp_path, "--rollback")

    assert legacy_photograph(sample) == before


def test_without_the_option_no_contact_is_invented(sample: Database, tmp_path: Path) -> None:
    unknown = sample.fetch(UNKNOWN.format("customer_id"))

    assert_migrates(tmp_path)

    assert sample.fetch(PLACEHOLDERS) == []
    assert sample.fetch(UNKNOWN.format("contact_id")) == unknown


def test_one_that_somebody_made_a_contact_of_stays_with_its_orders(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path, "--placeholder-contacts")
    placeholder, _ = sample.fetch(PLACEHOLDERS)[0]
    sample.execute(f"UPDATE contacts SET name = 'Ada' WHERE id = {placeholder}")
    dumped = sample.dump()
    refused = run_into(tmp_path, "--rollback")
    assert_refused(sample, refused, dumped, f"Contact {placeholder} (tenant", "has no e-mail")
    sample.execute(f"UPDATE contacts SET email = 'ada@example.com' WHERE id = {placeholder}")

    assert_succeeds(tmp_path, "--rollback")

    assert sample.fetch("SELECT name FROM customers WHERE email = 'ada@example.com'") == [("Ada",)]
    assert sample.value(f"SELECT count(*) FROM orders WHERE customer_id = {placeholder}") > 0
    assert sample.value("SELECT count(*) FROM customers WHERE name = 'Unknown contact'") == 0


def test_one_to_which_others_refer_is_not_taken_away(sample: Database, tmp_path: Path) -> None:
    assert_migrates(tmp_path, "--placeholder-contacts")
    placeholder, _ = sample.fetch(PLACEHOLDERS)[0]
    sample.execute("CREATE TABLE notes (contact_id integer REFERENCES contacts)")
    sample.execute(f"INSERT INTO notes VALUES ({placeholder})")
    dumped = sample.dump()

    refused = run_into(tmp_path, "--rollback")

    assert_refused(sample, refused, dumped, f"Contact {placeholder} (tenant")


def test_order_that_names_nobody_takes_the_placeholders_name(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path, "--placeholder-contacts")
    placeholder, tenant = sample.fetch(PLACEHOLDERS)[0]
    sample.execute(
        "INSERT INTO orders (tenant_id, order_number, contact_id) "
        f"VALUES ({tenant}, 'N-1', {placeholder})"
    )

    assert_succeeds(tmp_path, "--rollback")

    order = "SELECT customer_id, customer_name FROM orders WHERE order_number = 'N-1'"
    assert sample.fetch(order) == [(None, "Unknown contact")]


def test_a_legacy_backup_is_restored_over_it(sample: Database, before: str, tmp_path: Path) -> None:
    assert_succeeds(tmp_path, "--placeholder-contacts")
    (backup,) = tmp_path.glob("migration_2*")

    assert_succeeds(tmp_path, "--restore", str(backup), "--skip-backup")

    assert legacy_photograph(sample) == before

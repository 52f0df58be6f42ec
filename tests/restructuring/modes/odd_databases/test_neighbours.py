"""Other people's objects around the tables: triggers, views, schemas, roles and their grants."""

from pathlib import Path

import psycopg2
import pytest

from tests.cases import awkward
from tests.support.database.databases import Database
from tests.support.database.roles import acting_as, roles
from tests.support.runs.command import assert_migrates, run

pytestmark = pytest.mark.slow

TRIGGERS = """
CREATE TABLE audit (what text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.updated_at := now(); RETURN NEW; END';
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.audit VALUES (TG_TABLE_NAME || TG_OP); RETURN NULL; END';
CREATE TRIGGER a_touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER a_touch BEFORE UPDATE ON companies FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER a_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER b_note AFTER INSERT OR UPDATE OR DELETE ON companies
    FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER b_note AFTER INSERT OR UPDATE OR DELETE ON customers
    FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE CONSTRAINT TRIGGER c_later AFTER UPDATE ON customers DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER d_off BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE customers DISABLE TRIGGER d_off;
CREATE TRIGGER e_always AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE customers ENABLE ALWAYS TRIGGER e_always;
CREATE TRIGGER f_replica AFTER UPDATE ON companies FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE companies ENABLE REPLICA TRIGGER f_replica;
"""
ENABLED = """
    SELECT tgname, tgrelid, tgenabled, tgdeferrable, tginitdeferred, tgtype FROM pg_trigger
     WHERE NOT tgisinternal AND tgname NOT LIKE 'trg\\_%' ORDER BY 1, 2
"""
VIEWS = """
CREATE VIEW people AS SELECT c.id, c.email, c.company_id, o.customer_id, o.order_number
    FROM customers c JOIN orders o ON o.customer_id = c.id;
CREATE MATERIALIZED VIEW spending AS SELECT customer_id, sum(price) AS spent FROM orders GROUP BY 1;
CREATE VIEW whole AS SELECT * FROM orders;
"""


def test_triggers_of_others_do_not_fire_and_are_as_before(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS + awkward.DUPLICATES + TRIGGERS)
    enabled = legacy.fetch(ENABLED)
    stamps = legacy.fetch("SELECT id, updated_at::text FROM customers ORDER BY 1")
    orders = legacy.fetch("SELECT id, updated_at::text FROM orders ORDER BY 1")

    done = assert_migrates(tmp_path)

    assert "Trigger a_touch on customers does not see the restructuring" in done.out
    assert legacy.fetch("SELECT * FROM audit") == []
    assert legacy.fetch("SELECT id, updated_at::text FROM contacts ORDER BY 1") == stamps
    assert legacy.fetch("SELECT id, updated_at::text FROM orders ORDER BY 1") == orders
    assert legacy.fetch(ENABLED) == enabled
    legacy.execute("UPDATE contacts SET name = 'new' WHERE id = 1")
    assert {what for (what,) in legacy.fetch("SELECT what FROM audit")} == {"contactsUPDATE"}


def test_views_survive_with_the_same_rows(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS + VIEWS)
    spending = legacy.fetch("SELECT s::text FROM spending s ORDER BY 1")
    people = legacy.fetch("SELECT id, email, order_number FROM people ORDER BY 1")
    whole = legacy.fetch("SELECT id, customer_id, price::text FROM whole ORDER BY 1")

    done = assert_migrates(tmp_path)

    assert "View people reads customers or orders" in done.out
    assert legacy.fetch("SELECT id, email, order_number FROM people ORDER BY 1") == people
    assert legacy.fetch("SELECT id, customer_id, price::text FROM whole ORDER BY 1") == whole
    assert legacy.fetch("SELECT s::text FROM spending s ORDER BY 1") == spending
    legacy.execute("REFRESH MATERIALIZED VIEW spending")


@pytest.mark.parametrize("visible", [True, False], ids=["in the search path", "out of it"])
def test_tables_may_lie_in_another_schema(legacy: Database, tmp_path: Path, visible: bool) -> None:
    legacy.execute(awkward.ROWS)
    legacy.execute('ALTER SCHEMA public RENAME TO "Shop\'s"; CREATE SCHEMA public')
    if visible:
        legacy.execute(f'ALTER DATABASE "{legacy.name}" SET search_path = public, "Shop\'s"')

    done = assert_migrates(tmp_path, "-v", "2")

    assert "customers table found in schema Shop's" in done.out
    assert legacy.fetch(
        "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname ="
        " ANY('{addresses,contacts_restructuringrun,contacts,django_migrations}') GROUP BY 1"
    ) == [('"Shop\'s"',)]
    assert run("--verify-only", "--backup-dir", str(tmp_path)).code == 0
    assert "already migrated" in assert_migrates(tmp_path).out


def test_types_may_lie_in_another_schema_than_the_tables(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(awkward.ROWS)
    legacy.execute("CREATE SCHEMA shop")
    for table in ("tenants", "companies", "customers", "orders"):
        legacy.execute(f"ALTER TABLE {table} SET SCHEMA shop")
    legacy.execute(f'ALTER DATABASE "{legacy.name}" SET search_path = shop, public')

    assert_migrates(tmp_path)

    assert legacy.value("SELECT count(*) FROM shop.contacts") == 7


def test_namesakes_out_of_the_search_path_are_left_alone(legacy: Database, tmp_path: Path) -> None:
    legacy.execute("CREATE SCHEMA archive; CREATE TABLE archive.orders AS SELECT 1 AS id;")
    legacy.execute("CREATE TABLE archive.contacts (id integer)")

    assert_migrates(tmp_path)

    assert legacy.fetch("SELECT * FROM archive.orders") == [(1,)]


def test_owner_without_further_rights_migrates_and_grants_go_along(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    with roles(legacy, "owner", "app", "reader") as (owner, app, reader):
        legacy.execute(f"""
            GRANT CREATE ON SCHEMA public TO "{owner}";
            ALTER TABLE tenants OWNER TO "{owner}"; ALTER TABLE companies OWNER TO "{owner}";
            ALTER TABLE customers OWNER TO "{owner}"; ALTER TABLE orders OWNER TO "{owner}";
            GRANT SELECT ON alembic_version TO "{owner}";
            GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, companies, customers, orders
                TO "{app}";
            GRANT USAGE ON companies_id_seq, customers_id_seq TO "{app}";
            GRANT SELECT ON companies TO "{reader}" WITH GRANT OPTION;
            GRANT SELECT ON customers TO PUBLIC;
        """)
        with acting_as(owner):
            assert_migrates(tmp_path)
        owners = legacy.fetch(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname ="
            " ANY('{companies,contacts,orders,addresses,addresses_id_seq,contacts_id_seq}')"
        )
        assert owners == [(owner,)]
        rights = legacy.fetch(
            "SELECT grantee::regrole::text, string_agg(privilege_type || is_grantable::text, ' '"
            " ORDER BY privilege_type) FROM pg_class, aclexplode(relacl) WHERE relname ="
            " 'addresses' AND grantee <> relowner GROUP BY 1"
        )
        assert dict(rights) == {
            app: "DELETEfalse INSERTfalse SELECTfalse UPDATEfalse",
            reader: "SELECTtrue",
        }
        write = f"""
            SET ROLE "{app}";
            INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code)
            VALUES (1, 1, 'Road', 'Rome', 'RM', '00100');
            UPDATE contacts SET company_id = 8 WHERE id = 1;
        """
        legacy.execute(write)
        assert legacy.value("SELECT company_id FROM orders WHERE id = 1") == 8
        legacy.execute(f'SET ROLE "{reader}"; SELECT * FROM addresses; SELECT * FROM contacts')
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            legacy.execute(f'SET ROLE "{reader}"; DELETE FROM addresses')


def test_member_of_the_owner_leaves_everything_to_the_owner(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(awkward.ROWS)
    with roles(legacy, "owner", "deployer") as (owner, deployer):
        legacy.execute(f"""
            GRANT CREATE ON SCHEMA public TO "{owner}";
            GRANT "{owner}" TO "{deployer}";
            GRANT SELECT ON alembic_version TO "{owner}";
            ALTER TABLE tenants OWNER TO "{owner}"; ALTER TABLE companies OWNER TO "{owner}";
            ALTER TABLE customers OWNER TO "{owner}"; ALTER TABLE orders OWNER TO "{owner}";
        """)
        with acting_as(deployer):
            assert_migrates(tmp_path)
        assert legacy.fetch(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname ="
            " ANY('{companies,contacts,orders,addresses,addresses_id_seq}')"
        ) == [(owner,)]

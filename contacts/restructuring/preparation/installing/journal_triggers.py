"""The triggers that keep the journal: what the application writes changes base + journal, too.

A row trigger writes, in the writer's own transaction, the hash of what the row means after the
change and of what it meant before. It looks at the rows alone and trusts no setting of a session:
an update that changes nothing of the legacy meaning contributes nothing, whoever makes it.

While ``orders.company_id`` is filled, the trigger of orders listens to updates of the legacy
columns only, for a trigger that hears each of them takes a quarter of the filling's time. From then
on, before every row is read again, it listens to all.

The functions run as the role that installed them, so that no writer needs a right on the journal,
and nobody can write into it by hand. The triggers are ENABLE ALWAYS: a session in replica mode, or
the apply of a subscription, fires them, too.
"""

from typing import Any

from psycopg2 import sql

from contacts.restructuring.database.layout import Layout
from contacts.restructuring.database.settings import TEXT
from contacts.restructuring.proof.prepared_meaning import LINKS, Meaning
from jmsk.postgres import prepared
from jmsk.postgres.queries import compose, execute, listed, rows

FUNCTION = """
CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp {settings} AS $journal$
DECLARE
    key bigint;
    plus bigint;
    minus bigint;
    links boolean := true;
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        key := OLD.id;
        minus := {old};
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        key := NEW.id;
        plus := {new};
    END IF;
    IF TG_OP = 'UPDATE' THEN
        links := {links};
        IF plus = minus AND NOT links THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO {journal} (table_name, operation, links, id, plus, minus)
    VALUES ({table_name}, left(TG_OP, 1)::"char", links, key, plus, minus);
    RETURN NULL;
END
$journal$;
REVOKE ALL ON FUNCTION {function}() FROM PUBLIC;
CREATE TRIGGER {truncate_trigger} AFTER TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {function}();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {truncate_trigger};
"""
LISTEN = """
CREATE OR REPLACE TRIGGER {row_trigger} AFTER INSERT OR DELETE OR UPDATE {columns} ON {table}
    FOR EACH ROW EXECUTE FUNCTION {function}();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {row_trigger};
"""
ROW_TRIGGER = "jmsk_journal"
TRUNCATE_TRIGGER = "jmsk_journal_truncate"
CHANGED = "{new} IS DISTINCT FROM {old}"
COMPANY_FILLED = " OR OLD.company_id <> 0 AND NEW.company_id <> OLD.company_id"
"""An order's company that is changed once it was filled. To fill it is no news: whatever was not
filled is looked at again before the switch."""
SETTINGS = " ".join(
    f"SET {name} = '{TEXT[name]}'"
    for name in (
        "DateStyle",
        "IntervalStyle",
        "extra_float_digits",
        "bytea_output",
        "TimeZone",
        "lc_monetary",
    )
)
"""For columns that are hashed by their text. What a function sets costs each writer."""
SEALS = """
    SELECT c.relname || '.' || t.tgname,
           concat_ws(' ', t.oid, t.xmin, t.tgenabled, p.oid, p.xmin, md5(p.prosrc))
      FROM pg_trigger t
      JOIN pg_class c ON c.oid = t.tgrelid
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE t.tgname = ANY(%s) AND t.tgrelid = ANY(%s::oid[])
"""


def install_journal(cursor: Any, schema: str, meaning: Meaning) -> None:
    """Put the journal triggers on a table. The caller holds it locked against writers."""
    table = meaning.table
    changed = (
        compose(CHANGED, new=meaning.cell(column, "new"), old=meaning.cell(column, "old"))
        for column in LINKS[table]
    )
    execute(
        cursor,
        FUNCTION,
        function=(schema, prepared.JOURNAL_FUNCTION.format(table)),
        settings=sql.SQL(SETTINGS if meaning.images.settings_matter else ""),
        new=meaning.hash_of("new"),
        old=meaning.hash_of("old"),
        links=listed(changed, " OR ") + sql.SQL(COMPANY_FILLED if table == "orders" else ""),
        journal=(schema, prepared.JOURNAL),
        table=(schema, table),
        table_name=sql.Literal(table),
        truncate_trigger=TRUNCATE_TRIGGER,
    )
    columns = compose("OF {}", listed(meaning.columns)) if table == "orders" else sql.SQL("")
    _listen(cursor, schema, table, columns)


def listen_to_every_column(cursor: Any, schema: str, table: str) -> None:
    """Let the journal hear every update of ``table``, which the caller holds locked."""
    _listen(cursor, schema, table, sql.SQL(""))


def _listen(cursor: Any, schema: str, table: str, columns: sql.Composable) -> None:
    execute(
        cursor,
        LISTEN,
        row_trigger=ROW_TRIGGER,
        columns=columns,
        table=(schema, table),
        function=(schema, prepared.JOURNAL_FUNCTION.format(table)),
    )


def remove_journal(cursor: Any, relation: str, table: str) -> None:
    """Take the journal triggers of the legacy ``table``, now called ``relation``, away."""
    for trigger in (ROW_TRIGGER, TRUNCATE_TRIGGER):
        execute(cursor, "DROP TRIGGER IF EXISTS {} ON {}", trigger, relation)
    execute(cursor, "DROP FUNCTION IF EXISTS {}()", prepared.JOURNAL_FUNCTION.format(table))


def read_seals(cursor: Any, layout: Layout) -> dict[str, str]:
    """Return, for each journal trigger, what would change if somebody touched it.

    To disable a trigger, enable it again, or replace its function, writes its row in the catalogue
    anew, and the row's transaction tells.
    """
    return dict(rows(cursor, SEALS, [[ROW_TRIGGER, TRUNCATE_TRIGGER], layout.oids()]))

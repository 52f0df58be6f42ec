"""The schema of the tables as the catalogue holds it, so that two roads can be compared."""

import re

from tests.support.database.databases import Database

TABLES = ("tenants", "companies", "customers", "contacts", "orders", "addresses")
QUERIES = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity,
               a.attcollation::regcollation::text
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE c.relname = ANY(%(tables)s) AND c.relkind = 'r' AND a.attnum > 0
           AND NOT a.attisdropped
         ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid), convalidated,
               condeferrable, condeferred, confdeltype, confupdtype
          FROM pg_constraint
         WHERE conrelid::regclass::text = ANY(%(tables)s) AND contype <> 'n'
         ORDER BY 1, 2""",
    "indexes": """
        SELECT indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid),
               indisvalid, indisunique, indisprimary
          FROM pg_index WHERE indrelid::regclass::text = ANY(%(tables)s) ORDER BY 1, 2""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled
          FROM pg_trigger
         WHERE tgrelid::regclass::text = ANY(%(tables)s) AND NOT tgisinternal ORDER BY 1, 2""",
    "functions": """
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p
         WHERE p.oid IN (SELECT tgfoid FROM pg_trigger
                          WHERE tgrelid::regclass::text = ANY(%(tables)s) AND NOT tgisinternal)
         ORDER BY p.proname""",
    "sequences": """
        SELECT c.relname, d.refobjid::regclass::text, a.attname
          FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'a'
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE c.relkind = 'S' AND d.refobjid::regclass::text = ANY(%(tables)s) ORDER BY 1""",
}
"""NOT NULL is compared as a property of columns: before PostgreSQL 18 it is no constraint."""


def catalogue(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return the schema of the project's tables, by kind of object."""
    return {
        kind: database.fetch(query, {"tables": list(TABLES)}) for kind, query in QUERIES.items()
    }


def schema_dump(database: Database) -> str:
    """Return pg_dump's text of the project's tables, without rows.

    Less the names of NOT NULLs, which the target leaves open: a column that had drifted to nullable
    gets one of the table's new name.
    """
    tables = [option for name in TABLES for option in ("-t", name)]
    text = database.dump("--schema-only", "--no-owner", *tables)
    return re.sub(r" CONSTRAINT \S+ NOT NULL", " NOT NULL", text)

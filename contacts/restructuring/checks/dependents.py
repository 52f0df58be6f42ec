"""What others have built on the tables and columns that are renamed, or that a rollback drops.

Django drops with CASCADE, which would take a view, a function or a key of another program along
without a word. So everything is asked for that PostgreSQL knows to depend on what goes; of a
function whose body is text it knows nothing, so there the text has to do.
"""

from collections.abc import Iterator, Sequence

from companies.address_policy import POLICY
from contacts.restructuring.checks.base import Check, Finding, Severity, problems
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.state.expected import target_names, triggers
from contacts.restructuring.state.record import read_record

ON_COLUMNS = """
    SELECT d.classid, d.objid, d.objsubid, c.relname || '.' || a.attname
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                      AND d.refobjsubid = a.attnum
     WHERE a.attrelid IN (to_regclass('companies'), to_regclass('contacts'), to_regclass('orders'))
       AND c.relname || '.' || a.attname = ANY(%(columns)s)
       AND NOT (d.classid = 'pg_attrdef'::regclass
                AND EXISTS (SELECT 1 FROM pg_attrdef f WHERE f.oid = d.objid
                               AND (f.adrelid, f.adnum) = (a.attrelid, a.attnum)))
"""
ON_ADDRESSES = """
    SELECT d.classid, d.objid, d.objsubid, 'addresses'
      FROM pg_class c
      JOIN pg_type t ON t.oid = c.reltype
      JOIN pg_depend d
        ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
           OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
     WHERE c.oid = to_regclass('addresses') AND d.deptype = 'n'
"""
ON_SEQUENCE = """
    SELECT d.classid, d.objid, d.objsubid, s.relname
      FROM pg_depend o
      JOIN pg_class s ON s.oid = o.objid AND s.relkind = 'S'
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
     WHERE o.classid = 'pg_class'::regclass AND o.refobjid = to_regclass('addresses')
       AND o.deptype = 'a' AND d.deptype = 'n'
       AND NOT (d.classid = 'pg_attrdef'::regclass
                AND EXISTS (SELECT 1 FROM pg_attrdef f
                             WHERE f.oid = d.objid AND f.adrelid = o.refobjid))
"""
ON_FUNCTIONS = """
    SELECT d.classid, d.objid, d.objsubid, 'function ' || name
      FROM unnest(%(functions)s) AS name
      JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass
                      AND d.refobjid = to_regprocedure(name || '()')
"""
DEPENDENTS = f"""
    WITH found (class, object, part, needed) AS (
        {ON_COLUMNS} UNION {ON_ADDRESSES} UNION {ON_SEQUENCE} UNION {ON_FUNCTIONS}
    )
    SELECT DISTINCT CASE WHEN w.rulename = '_RETURN'
                         THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                         ELSE pg_describe_object(class, object, part) END,
           needed
      FROM found
      LEFT JOIN pg_class c ON class = 'pg_class'::regclass AND c.oid = object
      LEFT JOIN pg_constraint k ON class = 'pg_constraint'::regclass AND k.oid = object
      LEFT JOIN pg_trigger t ON class = 'pg_trigger'::regclass AND t.oid = object
      LEFT JOIN pg_policy q ON class = 'pg_policy'::regclass AND q.oid = object
      LEFT JOIN pg_rewrite w ON class = 'pg_rewrite'::regclass AND w.oid = object
     WHERE coalesce(c.relname, k.conname, t.tgname, '') <> ALL(%(own)s)
       AND coalesce(k.contype, '') <> 'n'
       AND NOT coalesce(q.polname = %(policy)s AND q.polrelid = to_regclass('addresses'), false)
     ORDER BY 1, 2
"""
"""Constraints of type 'n' are PostgreSQL 18's NOT NULL of the very column that goes."""
FUNCTIONS = r"""
    SELECT p.oid::regprocedure::text
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prosrc ~* %(words)s AND n.nspname !~ '^pg_'
       AND n.nspname <> 'information_schema' AND NOT p.proname = ANY(%(own)s)
       AND (%(migration)s IS NULL OR age(p.xmin) < age(%(migration)s::text::xid))
     ORDER BY 1
"""
VIEWS = """
    SELECT DISTINCT v.oid::regclass::text
      FROM pg_depend d
      JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_class v ON v.oid = w.ev_class
     WHERE d.refobjid = ANY(%s::oid[]) AND v.relkind IN ('v', 'm')
     ORDER BY 1
"""
TRANSACTION_IDS = 2**32
"""A row holds the last 32 bits of the id of the transaction that wrote it."""


def names_in_functions_and_views(inspector: Inspector) -> Finding:
    """Find functions and views that name what is renamed: a view goes on, a function fails."""
    functions = _functions_naming(inspector, r"\m(customers|customer_id)\M")
    views = inspector.rows(VIEWS, [inspector.oids(("customers", "orders"))])
    return problems(
        [f"Function {name} names customers or customer_id in its text" for name in functions]
        + [f"View {name} reads customers or orders; it follows the new names" for (name,) in views]
    )


def dependents(inspector: Inspector) -> Finding:
    """Find what depends on what a rollback drops, and functions whose text names it."""
    return problems(_dependents(inspector))


def _dependents(inspector: Inspector) -> Iterator[str]:
    columns = [f"{table}.{column}" for table, names in ADDED.items() for column in names]
    functions = list(triggers())
    going = {"columns": columns, "functions": functions, "own": target_names(), "policy": POLICY}
    for what, needed in inspector.rows(DEPENDENTS, going):
        yield f"{what[0].upper()}{what[1:]} depends on {needed}"
    # A function from before the migration means something else by these words.
    migration = read_record(inspector.cursor).transaction_id
    words = r"\m(contacts|contact_id|addresses)\M"
    for name in _functions_naming(inspector, words, functions, migration):
        yield f"Function {name} names contacts, contact_id or addresses"


def _functions_naming(
    inspector: Inspector, words: str, own: Sequence[str] = (), since: int | None = None
) -> list[str]:
    """Return the functions whose text matches ``words``, made after the transaction ``since``."""
    since_row = None if since is None else str(since % TRANSACTION_IDS)
    wanted = {"words": words, "own": list(own), "migration": since_row}
    return [name for (name,) in inspector.rows(FUNCTIONS, wanted)]


CHECK = Check(
    "dependents",
    "Functions and views that name what goes",
    names_in_functions_and_views,
    "Change these functions together with the application.",
    Severity.WARNING,
)
CHECK_BACK = Check(
    "dependents",
    "Nothing of others depends on what goes",
    dependents,
    "Drop or change these objects first.",
)

"""What others have built on the tables and columns that are renamed, or that a rollback drops.

Django drops with CASCADE, which would take a view, a function or a key of another program along
without a word. So everything is asked for that PostgreSQL knows to depend on what goes; of a
function whose body is text it knows nothing, so there the text has to do.
"""

from collections.abc import Iterator

from companies.address_policy import POLICY
from contacts.restructuring.bridge.description import FUNCTIONS as BRIDGE_FUNCTIONS
from contacts.restructuring.bridge.description import INDEXES, read_bridge
from contacts.restructuring.checks.base import Severity, check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import ADDED
from contacts.restructuring.state.expected import target_names, triggers
from contacts.restructuring.state.functions import REMEMBERED, functions_naming, functions_since
from contacts.restructuring.state.record import read_record
from jmsk.postgres.prepared import FUNCTIONS_OF_THE_TOOL

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
       AND coalesce(w.ev_class, 0) <> ALL(%(views)s::oid[])
       AND NOT coalesce(q.polname = %(policy)s AND q.polrelid = to_regclass('addresses'), false)
     ORDER BY 1, 2
"""
"""Constraints of type 'n' are PostgreSQL 18's NOT NULL of the very column that goes. The views are
those of the bridge, which goes before."""
VIEWS = """
    SELECT DISTINCT v.oid::regclass::text
      FROM pg_depend d
      JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_class v ON v.oid = w.ev_class
     WHERE d.refobjid = ANY(%s::oid[]) AND v.relkind IN ('v', 'm')
     ORDER BY 1
"""
LEGACY_WORDS = r"\m(customers|customer_id)\M"


@check(
    "No function or view names what goes",
    "Change these functions together with the application.",
    Severity.WARNING,
    name="dependents",
)
def names_in_functions_and_views(inspector: Inspector) -> Iterator[str]:
    """Find functions and views that name what is renamed: a view goes on, a function fails."""
    for function in functions_naming(inspector.cursor, LEGACY_WORDS):
        if function.name not in FUNCTIONS_OF_THE_TOOL:
            yield f"Function {function.signature} names customers or customer_id in its text"
    for name in inspector.column(VIEWS, [inspector.oids(("customers", "orders"))]):
        yield f"View {name} reads customers or orders; it follows the new names"


@check(
    "Nothing of others depends on what goes",
    "Drop or change these objects first.",
    name="dependents",
)
def dependents_back(inspector: Inspector) -> Iterator[str]:
    """Find what depends on what a rollback drops, and functions whose text names it."""
    columns = [f"{table}.{column}" for table, names in ADDED.items() for column in names]
    functions = list(triggers())
    bridge = read_bridge(inspector.cursor)
    going = {
        "columns": columns,
        "functions": functions,
        "own": [*target_names(), *BRIDGE_FUNCTIONS, *INDEXES.values()],
        "policy": POLICY,
        "views": [view.oid for view in bridge.views] if bridge else [],
    }
    for what, needed in inspector.rows(DEPENDENTS, going):
        yield f"{what[0].upper()}{what[1:]} depends on {needed}"
    # A function from before the migration means something else by these words.
    remembered = inspector.once(read_record).legacy_objects.get(REMEMBERED) or []
    for function in functions_since(inspector.cursor, remembered):
        if function.name not in (*functions, *BRIDGE_FUNCTIONS):
            yield f"Function {function.signature} names contacts, contact_id or addresses"

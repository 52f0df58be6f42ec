"""Whether the triggers are there, and are what the migrations made."""

from collections.abc import Iterator
from typing import Any

from companies.trigger_sql import CreateTrigger, function_settings
from contacts.restructuring.checks.base import Found, Tag, check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import triggers

PRESENT_TRIGGERS = """
    SELECT t.tgname, t.tgenabled, pg_get_triggerdef(t.oid, true), l.lanname, p.prosrc, p.prosecdef,
           coalesce(p.proconfig, '{}'), pg_get_userbyid(p.proowner),
           has_function_privilege('public', p.oid, 'EXECUTE')
      FROM pg_trigger t
      JOIN pg_proc p ON p.oid = t.tgfoid
      JOIN pg_language l ON l.oid = p.prolang
     WHERE NOT t.tgisinternal AND t.tgrelid = ANY(%s::oid[])
"""


@check("Triggers and their functions as made", tags=[Tag.CATALOGUE], name="triggers")
def sound_triggers(inspector: Inspector) -> Found:
    return (sentence for _, sentence in unsound_triggers(inspector))


def unsound_triggers(inspector: Inspector) -> Iterator[tuple[CreateTrigger, str]]:
    """Yield each trigger that is not as the migrations make it, with what is wrong; one by one."""
    wanted = triggers().values()
    tables = inspector.oids(trigger.table for trigger in wanted)
    present = {row[0]: row for row in inspector.rows(PRESENT_TRIGGERS, [tables])}
    schema = inspector.value("SELECT quote_ident(%s)", [inspector.layout.schema])
    settings = function_settings(schema)
    owner = inspector.layout.tables["companies"].owner
    for trigger in wanted:
        found = present.get(trigger.name)
        if found is None:
            yield trigger, f"Trigger {trigger.name} on {trigger.table} is missing"
            continue
        if found[1] in ("D", "R"):
            yield trigger, f"Trigger {trigger.name} on {trigger.table} is disabled"
        for sentence in _changed(trigger, found[2:], settings, owner):
            yield trigger, sentence


def _changed(
    trigger: CreateTrigger, found: tuple[Any, ...], settings: list[str], owner: str
) -> Iterator[str]:
    """Say what somebody has made of a trigger and its function since the migration."""
    definition, language, body, is_definer, present_settings, present_owner, public = found
    if definition != trigger.definition:
        yield f"Trigger {trigger.name} on {trigger.table} is another: {definition}"
    function = f"The function of trigger {trigger.name}"
    if language != "plpgsql" or body.strip() != trigger.body:
        yield f"{function} has another body than the migration made"
    if not is_definer:
        yield f"{function} does not run with its owner's rights (SECURITY DEFINER)"
    if present_settings != settings:
        told = ", ".join(present_settings) or "none"
        yield f"{function} has other settings than {', '.join(settings)}: {told}"
    if present_owner != owner:
        yield f"{function} belongs to {present_owner}, not to {owner}, the owner of companies"
    if public:
        yield f"{function} may be executed by PUBLIC"

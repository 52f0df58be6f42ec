"""Undoing an action, for as long as nobody has changed what it wrote."""

from django.contrib.admin.models import CHANGE
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from psycopg2 import sql

from contacts.models import Contact
from contacts.settling.changed import ChangedRow, changed_rows, told_of
from contacts.settling.models import Action, ActionRow
from contacts.settling.recording import TABLES, Recorded, run
from jmsk.access.tenants import tenants_of
from jmsk.postgres.references import referred_rows
from orders.models import Order

MADE_TABLES = ("contacts", "companies")
"""Of which an action may make rows, in the order in which these go again."""
LOCK = """
    SELECT count(*) FROM (
        SELECT 1 FROM {table} AS t JOIN settling_actionrow AS r ON r.row_id = t.{key}
         WHERE r.action_id = {action} AND r."table" = {table_name}
         ORDER BY t.{key} FOR UPDATE OF t) AS locked
"""
WRITTEN = """
    SELECT DISTINCT jsonb_object_keys(before) FROM settling_actionrow AS r
     WHERE r.action_id = {action} AND r."table" = {table_name} AND r.after IS NOT NULL
       AND r.before IS NOT NULL
"""
WRITE_BACK = """
    UPDATE {table} AS t SET {columns}
      FROM settling_actionrow AS r
     CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, r.before) AS was
     WHERE r.action_id = {action} AND r."table" = {table_name} AND r.row_id = t.{key}
       AND r.after IS NOT NULL AND r.before IS NOT NULL
"""
COLUMNS = """
    SELECT attname::text FROM pg_attribute
     WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum
"""
BRING_BACK = """
    INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
    SELECT {values} FROM settling_actionrow AS r
     CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, r.before) AS was
     WHERE r.action_id = {action} AND r."table" = {table_name} AND r.after IS NULL
"""
MADE = """
    SELECT row_id FROM settling_actionrow
     WHERE action_id = {action} AND "table" = {table_name} AND before IS NULL ORDER BY row_id
"""
TAKE_AWAY = "DELETE FROM {table} AS t WHERE t.{key} = ANY({keys})"
HISTORY = """
    INSERT INTO django_admin_log (action_time, user_id, content_type_id, object_id, object_repr,
                                  action_flag, change_message)
    SELECT clock_timestamp(), {user}, {type}, t.id::text, left({told}, 200), {flag}, {message}
      FROM settling_actionrow AS r JOIN {table} AS t ON t.id = r.row_id
     WHERE r.action_id = {action} AND r."table" = {table_name} AND r.before IS NOT NULL
     ORDER BY t.id
"""
LOGGED = {"contacts": (Contact, "name"), "orders": (Order, "order_number")}
"""The tables whose rows have a history, with the column that names a row there."""


LAST = "admin:contacts_contact_undo_last"
"""The page that leads to what somebody did last."""


def seen_actions(user_id: int) -> QuerySet[Action]:
    """Return the actions that wrote no row of a tenant that the user does not see now."""
    tenants = tenants_of(user_id)
    if tenants is None:
        return Action.objects.all()
    rows = ActionRow.objects.filter(action=OuterRef("pk"), tenant_id__isnull=False)
    return Action.objects.filter(~Exists(rows.exclude(tenant_id__in=tenants)))


def last_action(user_id: int) -> Action | None:
    """Return what this person did last, of what they see, unless it has been undone."""
    last = seen_actions(user_id).filter(user_id=user_id).order_by("-pk").first()
    return last if last is not None and last.undone_at is None else None


def undo(action_id: int, *, user_id: int) -> Action:
    """Make the rows that an action wrote what they were, all or none; the history says so.

    Raises ValidationError, with nothing changed, where it was undone already, a row has changed
    since, another row refers by now to one that the action made, or the user does not see the
    tenant of one.
    """
    with transaction.atomic():
        action = seen_actions(user_id).select_for_update().filter(pk=action_id).first()
        if action is None:
            raise ValidationError("There is nothing here that you can undo. Nothing was changed.")
        if action.undone_at is not None:
            raise ValidationError("This was undone already. Nothing was changed.")
        for table in TABLES.values():
            run(LOCK, action, table)
        changed = changed_rows(action)
        if changed:
            raise ValidationError(told_of(changed))
        made = _made(action)
        _write_back(action)
        _take_away(made)
        _log(action, user_id)
        action.undone_at = timezone.now()
        action.save(update_fields=["undone_at"])
    return action


def undoable(told: str) -> SafeString:
    """Return what was just done, with the way to undo it."""
    return format_html('{} <a href="{}">Undo…</a>', told, reverse(LAST))


def _write_back(action: Action) -> None:
    """Write what was there before: rows that are there first, then those that are gone.

    The one that has the e-mail now has to give it back before the other can have it again.
    """
    written = set(action.rows.values_list("table", flat=True).distinct())
    for table in TABLES.values():
        if table.name in written:
            _update(action, table)
            _insert(action, table)
    marks = [pk for (pk,) in run(MADE, action, TABLES["settling_nocontactwanted"])]
    _delete("settling_nocontactwanted", marks)


def _update(action: Action, table: Recorded) -> None:
    columns = [column for (column,) in run(WRITTEN, action, table)]
    if not columns:
        return
    pairs: list[sql.Composable] = [
        sql.SQL("{0} = was.{0}").format(sql.Identifier(name)) for name in columns
    ]
    if table.name in LOGGED:
        pairs.append(sql.SQL("updated_at = now() AT TIME ZONE 'UTC'"))
    run(WRITE_BACK, action, table, columns=sql.SQL(", ").join(pairs))


def _insert(action: Action, table: Recorded) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [table.name])
        names = [name for (name,) in cursor.fetchall()]
    run(
        BRING_BACK,
        action,
        table,
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(sql.Identifier("was", name) for name in names),
    )


def _made(action: Action) -> dict[str, list[int]]:
    return {name: [pk for (pk,) in run(MADE, action, TABLES[name])] for name in MADE_TABLES}


def _take_away(made: dict[str, list[int]]) -> None:
    """Delete what the action made. Raises ValidationError where a row refers to it by now."""
    for table, keys in made.items():
        with connection.cursor() as cursor:
            kept = referred_rows(cursor, table, keys, {})
        if kept:
            raise ValidationError(
                f"Other rows belong to {ChangedRow(table, kept[0], gone=False)} by now, which this "
                "made. Move them first. Nothing was changed."
            )
        _delete(table, keys)


def _delete(table: str, keys: list[int]) -> None:
    statement = sql.SQL(TAKE_AWAY).format(
        table=sql.Identifier(table),
        key=sql.Identifier(TABLES[table].key),
        keys=sql.Literal(keys),
    )
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _log(action: Action, user_id: int) -> None:
    """Write the rows' history; the server does it, who has their names."""
    for name, (model, told) in LOGGED.items():
        of_type = ContentType.objects.get_for_model(model)
        run(
            HISTORY,
            action,
            TABLES[name],
            user=sql.Literal(user_id),
            type=sql.Literal(of_type.pk),
            told=sql.Identifier("t", told),
            flag=sql.Literal(CHANGE),
            message=sql.Literal(f"Undone: {action.told}"),
        )

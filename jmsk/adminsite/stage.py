"""Whether the tables that the admin shows are there, asked once for each request."""

from django.db import connection
from django.http import HttpRequest

from jmsk.postgres.django_schema import own_name

RESTRUCTURED = """
    SELECT count(*) = 3 AND (SELECT bool_and(to_regclass(name) IS NOT NULL) IS NOT FALSE
                               FROM unnest(%s::text[]) AS name)
      FROM pg_attribute
     WHERE NOT attisdropped
       AND (attrelid, attname) IN ((to_regclass('contacts'), 'placed_in_company_id'),
                                   (to_regclass('orders'), 'contact_id'),
                                   (to_regclass('addresses'), 'company_id'))
"""
OWN = ("settling_nocontactwanted", "settling_action", "settling_actionrow")
DJANGOS = ("auth_user", "django_session", "django_admin_log")
THERE = "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) AS name"


def restructured(request: HttpRequest) -> bool:
    """Return whether the database holds the restructured tables, and those to settle with."""
    return _ask(request, "_restructured", RESTRUCTURED, *OWN)


def lacks_own(request: HttpRequest) -> bool:
    """Return whether an earlier version of the project has restructured the tables."""
    return _ask(request, "_restructured_before", RESTRUCTURED) and not restructured(request)


def prepared(request: HttpRequest) -> bool:
    """Return whether the database holds the tables of users, sessions and the admin's history."""
    return _ask(request, "_prepared", THERE, *DJANGOS)


def recorded(request: HttpRequest) -> bool:
    """Return whether the database holds the table of runs, which stays after a rollback."""
    return _ask(request, "_recorded", THERE, "contacts_restructuringrun")


def _ask(request: HttpRequest, name: str, query: str, *tables: str) -> bool:
    if not hasattr(request, name):
        with connection.cursor() as cursor:
            cursor.execute(query, [[own_name(table) for table in tables]])
            setattr(request, name, cursor.fetchone()[0])
    return bool(getattr(request, name))

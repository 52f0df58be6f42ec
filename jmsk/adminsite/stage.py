"""Whether the tables that the admin shows are there, asked once for each request."""

from django.db import connection
from django.http import HttpRequest

from jmsk.postgres.django_schema import own_name

RESTRUCTURED = """
    SELECT count(*) = 3 FROM pg_attribute
     WHERE NOT attisdropped
       AND (attrelid, attname) IN ((to_regclass('contacts'), 'placed_in_company_id'),
                                   (to_regclass('orders'), 'contact_id'),
                                   (to_regclass('addresses'), 'company_id'))
"""
DJANGOS = frozenset({"auth_user", "django_session", "django_admin_log"})
RUNS = "contacts_restructuringrun"
LIMITS = "auth_user_tenants"
OWN = frozenset({LIMITS, "settling_nocontactwanted", "settling_action", "settling_actionrow"})
THERE = "SELECT name FROM unnest(%s, %s) AS asked (name, sql) WHERE to_regclass(sql) IS NOT NULL"


def restructured(request: HttpRequest) -> bool:
    """Return whether the database holds the restructured tables, and those to settle with."""
    return _restructured(request) and _there(request) >= OWN


def lacks_own(request: HttpRequest) -> bool:
    """Return whether an earlier version of the project has restructured the tables."""
    return _restructured(request) and not restructured(request)


def prepared(request: HttpRequest) -> bool:
    """Return whether the database holds the tables of users, sessions and the admin's history.

    And, where there are rows to show, the one that limits users to tenants: without it nobody may
    see any.
    """
    return _there(request) >= DJANGOS and (limiting(request) or not _restructured(request))


def recorded(request: HttpRequest) -> bool:
    """Return whether the database holds the table of runs, which stays after a rollback."""
    return RUNS in _there(request)


def limiting(request: HttpRequest) -> bool:
    """Return whether the database holds the table that limits users to tenants."""
    return LIMITS in _there(request)


def _restructured(request: HttpRequest) -> bool:
    if not hasattr(request, "_restructured"):
        with connection.cursor() as cursor:
            cursor.execute(RESTRUCTURED)
            request._restructured = cursor.fetchone()[0]  # type: ignore[attr-defined]
    return bool(request._restructured)  # type: ignore[attr-defined]


def _there(request: HttpRequest) -> frozenset[str]:
    """Return which of this project's own tables the database holds."""
    if not hasattr(request, "_there"):
        names = [*DJANGOS, RUNS, *OWN]
        with connection.cursor() as cursor:
            cursor.execute(THERE, [names, [own_name(name) for name in names]])
            request._there = frozenset(name for (name,) in cursor.fetchall())  # type: ignore[attr-defined]
    there: frozenset[str] = request._there  # type: ignore[attr-defined]
    return there

"""Whether the tables that the admin shows are there, asked once for each request."""

from django.db import connection
from django.http import HttpRequest

from jmsk.postgres.django_schema import own_name

OWN = frozenset({"settling_nocontactwanted", "settling_action", "settling_actionrow"})
DJANGOS = frozenset({"auth_user", "django_session", "django_admin_log"})
RUNS = "contacts_restructuringrun"
LIMITS = "auth_user_tenants"
STAGE = """
    SELECT (SELECT count(*) = 3 FROM pg_attribute
             WHERE NOT attisdropped
               AND (attrelid, attname) IN ((to_regclass('contacts'), 'placed_in_company_id'),
                                           (to_regclass('orders'), 'contact_id'),
                                           (to_regclass('addresses'), 'company_id'))),
           ARRAY(SELECT name FROM unnest(%s, %s) AS asked (name, sql)
                  WHERE to_regclass(sql) IS NOT NULL)
"""


def restructured(request: HttpRequest) -> bool:
    """Return whether the database holds the restructured tables, and those to settle with."""
    return _is_target(request) and _there(request) >= OWN


def lacks_own(request: HttpRequest) -> bool:
    """Return whether an earlier version of the project has restructured the tables."""
    return _is_target(request) and not _there(request) >= {*OWN, LIMITS}


def prepared(request: HttpRequest) -> bool:
    """Return whether the database holds the tables of users, sessions and the admin's history.

    And, where there are rows to show, the one that limits users to tenants: without it nobody may
    see any.
    """
    return _there(request) >= DJANGOS and (limiting(request) or not _is_target(request))


def recorded(request: HttpRequest) -> bool:
    """Return whether the database holds the table of runs, which stays after a rollback."""
    return RUNS in _there(request)


def limiting(request: HttpRequest) -> bool:
    """Return whether the database holds the table that limits users to tenants."""
    return LIMITS in _there(request)


def _is_target(request: HttpRequest) -> bool:
    return _stage(request)[0]


def _there(request: HttpRequest) -> frozenset[str]:
    """Return which of this project's own tables the database holds."""
    return _stage(request)[1]


def _stage(request: HttpRequest) -> tuple[bool, frozenset[str]]:
    if not hasattr(request, "_stage"):
        names = [*DJANGOS, *OWN, RUNS, LIMITS]
        with connection.cursor() as cursor:
            cursor.execute(STAGE, [names, [own_name(name) for name in names]])
            is_target, there = cursor.fetchone()
        request._stage = (bool(is_target), frozenset(there))  # type: ignore[attr-defined]
    stage: tuple[bool, frozenset[str]] = request._stage  # type: ignore[attr-defined]
    return stage

"""Whether the tables that the admin shows are there, asked once for each request."""

from django.db import connection
from django.http import HttpRequest

RESTRUCTURED = """
    SELECT count(*) = 3 FROM pg_attribute
     WHERE NOT attisdropped
       AND (attrelid, attname) IN ((to_regclass('contacts'), 'placed_in_company_id'),
                                   (to_regclass('orders'), 'contact_id'),
                                   (to_regclass('addresses'), 'company_id'))
"""
PREPARED = """
    SELECT to_regclass('auth_user') IS NOT NULL AND to_regclass('django_session') IS NOT NULL
       AND to_regclass('django_admin_log') IS NOT NULL
"""
RECORDED = "SELECT to_regclass('contacts_restructuringrun') IS NOT NULL"


def restructured(request: HttpRequest) -> bool:
    """Return whether the database holds the restructured tables."""
    return _ask(request, "_restructured", RESTRUCTURED)


def prepared(request: HttpRequest) -> bool:
    """Return whether the database holds the tables of users, sessions and the admin's history."""
    return _ask(request, "_prepared", PREPARED)


def recorded(request: HttpRequest) -> bool:
    """Return whether the database holds the table of runs, which stays after a rollback."""
    return _ask(request, "_recorded", RECORDED)


def _ask(request: HttpRequest, name: str, query: str) -> bool:
    if not hasattr(request, name):
        with connection.cursor() as cursor:
            cursor.execute(query)
            setattr(request, name, cursor.fetchone()[0])
    return bool(getattr(request, name))

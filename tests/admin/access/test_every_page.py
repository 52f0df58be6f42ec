"""Who sees some tenants only finds no row of another on any page, by whatever URL or form."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLResolver
from django.utils.http import urlencode

from tests.support.admin.other_tenant import (
    ACTS,
    MARK,
    SHOWN,
    body,
    limited_client,
    theirs,
    worked_before,
)
from tests.support.admin.pages import (
    COMPANIES,
    CONTACTS,
    ORDERS,
)
from tests.support.database.databases import Database

PART = "xzfor"
"""What is searched for, and so may stand on a page: a part of it."""
KEYS = ("2", "3", "13", "16", "17", "18", "23", "25", "26")
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"q": PART},
    {"tenant": PART},
    {"tenant__id__exact": "2"},
    {"id__in": "3,13,16,23,25"},
    {"company__id__in": "3,5"},
    {"all": "", "_facets": "True"},
    {"tenant": "2", "company": "3", "contact": "13"},
    {"ids": "13,16,23,25", "q_25": PART, "company": "3"},
    {"ids": "13,16"},
    {"ids": "11,16", "company": "3", "q": PART},
    {"ids": "17,18", "keep": "17"},
    {"ids": "12,17", "keep": "12"},
    {"contact": "unwanted"},
    {"tenant": "x", "company": "99999999999999999999", "contact": "-1"},
    {"set_aside": "alike"},
    {"filters": ""},
    {"filters": urlencode({"q": PART})},
    {"shown": SHOWN, "since": "2026-01-01 00:00:00+00:00"},
)
"""What each page is asked for, whether it understands it or not."""
TERMS = tuple(
    {"term": PART, "app_label": app, "model_name": model, "field_name": name}
    for app, model, name in (
        ("contacts", "contact", "company"),
        ("companies", "company", "tenant"),
        ("orders", "order", "contact"),
    )
)
"""What the autocomplete is asked for."""
ACTIONS = (
    "delete_selected",
    "export_as_csv",
    "link_to_contact",
    "mark_as_wanting_none",
    "mark_as_wanting_one",
    "merge_contacts",
    "propose_companies",
    "reassign_to_company",
)
FORGED = (
    *(
        {"action": action, "_selected_action": KEYS, "index": "0", "select_across": across}
        for action, across in product(ACTIONS, ("0", "1"))
    ),
    {
        "post": "yes",
        "ids": "13,16,23,25",
        "company": "3",
        "shown": SHOWN,
        "since": "",
        "contact_16": "5:3",
        "order_25": "13:3",
        "q_25": PART,
        "decision": "drop",
        "name": "taken",
        "order_number": "taken",
        "tenant": "2",
        "contact": "13",
        "email": "",
    },
    {"ids": "17,18", "keep": "17", "name": "taken", "shown": SHOWN},
    {"ids": "24,25", "order_25": "none"},
    {"ids": "24,25", "order_25": "new", "name_25": "taken"},
    {"ids": "24,25", "order_24": "13:3"},
    {"filters": "", "contact_16": "5:3"},
    {"ids": "25", "search": "1", "q_25": PART},
    {"ids": "25", "order_25": "none"},
    {"ids": "13,16", "keep": "13", "shown": SHOWN},
)
"""What each page is sent: actions of the lists, then forms."""
FORMS = len(FORGED) - 2 * len(ACTIONS)
OBJECTS = {
    "tenant": ("2",),
    "company": ("3",),
    "contact": ("13", "16", "19"),
    "order": ("23", "26"),
}
"""The rows of the other tenant whose own pages are asked for, by model."""
ROW = r"/\d+/"
OBJECT = ("<path:object_id>", "<int:object_id>", "<id>")
ACTION = "<int:action_id>"
PARAMETERS = {
    "<path:content_type_id>": "1",
    "(?P<url>.*)$": "nothing/",
    "<str:name>": "manifest.json",
}


def routes(patterns: Any, start: str = "/admin/") -> Iterator[str]:
    """Yield the URL of every page of the admin, once for each row that it may be asked for."""
    for pattern in patterns:
        route = str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, start + route)
            continue
        labels = re.fullmatch(r"\^\(\?P<app_label>([a-z|]+)\)/\$", route)
        if labels:
            yield from (f"{start}{label}/" for label in labels[1].split("|"))
            continue
        yield from filled(start + route)


def filled(route: str) -> Iterator[str]:
    for parameter, value in PARAMETERS.items():
        route = route.replace(parameter, value)
    (keys,) = [keys for model, keys in OBJECTS.items() if f"/{model}/" in route] or [("1",)]
    for key in keys:
        url = route
        for parameter in OBJECT:
            url = url.replace(parameter, key)
        for act in ACTS if ACTION in url else ("",):
            one = url.replace(ACTION, act)
            assert not set("<>()$^") & set(one), f"{one}: say in PARAMETERS what it is asked for"
            yield one


def asked() -> Iterator[tuple[str, Any]]:
    """Yield each page with each query; the page of one row is that row's, whatever is asked."""
    for url in dict.fromkeys(routes(admin.site.urls[0])):
        queries = TERMS if url.endswith("/autocomplete/") else QUERIES
        yield from product([url], queries[:1] if re.search(ROW, url) else queries)


def finds(client: Client) -> set[str]:
    """Return the pages on which some query finds a row of the other tenant."""
    return {url for url, query in asked() if MARK in body(client.get(url, query))}


@pytest.mark.slow
def test_no_page_shows_a_row_of_a_tenant_that_the_user_does_not_see(shared: Database) -> None:
    assert finds(worked_before(limited=True)) == set()


@pytest.mark.slow
def test_who_sees_all_tenants_finds_those_rows_on_these_very_pages(shared: Database) -> None:
    client = worked_before(limited=False)
    assert not {
        "/admin/",
        "/admin/autocomplete/",
        CONTACTS,
        ORDERS,
        COMPANIES,
        "/admin/companies/tenant/",
        "/admin/contacts/restructuringrun/",
        f"{CONTACTS}13/change/",
        f"{CONTACTS}13/history/",
        f"{CONTACTS}13/delete/",
        f"{CONTACTS}16/settle-email/",
        f"{CONTACTS}19/history/",
        f"{CONTACTS}add/",
        f"{CONTACTS}merge/",
        *(f"{CONTACTS}undo/{act}/" for act in ACTS),
        f"{CONTACTS}propose/",
        f"{CONTACTS}reassign/",
        f"{COMPANIES}3/change/",
        f"{COMPANIES}add/",
        f"{ORDERS}23/change/",
        f"{ORDERS}add/",
        f"{ORDERS}link/",
    } - finds(client)


@pytest.mark.slow
def test_nothing_that_is_sent_reads_or_writes_a_row_of_another_tenant(shared: Database) -> None:
    client = worked_before(limited=True)
    before = theirs(shared)
    for url in {url: None for url, _ in asked() if not url.endswith("/logout/")}:
        for sent in FORGED[-FORMS:] if re.search(ROW, url) else FORGED:
            assert MARK not in body(client.post(url, sent)), (url, sent)
        assert theirs(shared) == before, url


def test_a_page_of_another_tenants_row_does_not_open(shared: Database) -> None:
    client = limited_client(superuser=True)
    for key, page in (
        (13, CONTACTS),
        (23, ORDERS),
        (3, COMPANIES),
        (2, "/admin/companies/tenant/"),
    ):
        for action in ("change", "delete", "history"):
            assert client.get(f"{page}{key}/{action}/").status_code in {302, 404}, (page, action)

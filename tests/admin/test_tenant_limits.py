"""Who sees some tenants only finds no row of another: on no page, by no URL, in no action."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory
from django.urls import URLResolver
from django.utils import timezone
from django.utils.http import urlencode

from companies.models import Company
from contacts.models import Contact, RestructuringRun
from contacts.settling.bulk import DONE, Asked, record
from contacts.settling.dashboard import dashboard
from contacts.settling.merging import merge, plan_merge
from contacts.settling.models import Action
from contacts.settling.proposals import Acceptance, accept
from contacts.settling.reassignment import ChangedMeanwhileError, make_plan, reassign
from contacts.settling.recording import recording
from contacts.settling.settlement import DROP, Answer, settle
from contacts.settling.undoing import last_action, undo
from jmsk.access.models import UserTenant
from jmsk.access.tenants import limit
from orders.decisions import Decisions, NewContact, decide, want_none, want_one_again
from orders.linking import Link, link
from tests.support.admin.pages import (
    COMPANIES,
    CONTACTS,
    ORDERS,
    REASSIGN,
    client_of,
    confirm,
    text_of,
)
from tests.support.database.databases import Database

MARK = "qxzforeign"
"""It stands in every text of a row of the other tenant."""
ALIKE = f"{MARK} COMPANY"
"""To which the other tenant's company would be proposed."""
PART = "xzfor"
"""What is searched for, and so may stand on a page: a part of it."""
FOREIGN = f"""
UPDATE tenants SET name = '{MARK} tenant', subdomain = '{MARK}' WHERE id = 2;
UPDATE companies SET name = '{MARK} company', email = 'info@{MARK}.example' WHERE id = 3;
UPDATE contacts SET name = '{MARK} contact', email = 'x@{MARK}.example' WHERE id = 13;
UPDATE orders SET order_number = '{MARK}-23', customer_name = '{MARK} customer',
       product_description = '{MARK}' WHERE id = 23;
UPDATE addresses SET street_address = '{MARK} street' WHERE id = 33;
INSERT INTO companies (id, tenant_id, name, is_default) VALUES (5, 2, '{MARK} default', true);
INSERT INTO contacts (id, tenant_id, company_id, placed_in_company_id, name, email, email_set_aside)
VALUES (16, 2, 5, 5, '{MARK} placed', NULL, 'y@{MARK}.example'),
       (17, 2, 3, NULL, '{MARK} alike', 'z@{MARK}.example', NULL),
       (18, 2, 3, NULL, '{MARK} Alike', 'Z@{MARK}.example', NULL),
       (19, 2, 3, NULL, '{MARK} twice', NULL, NULL), (20, 2, 3, NULL, '{MARK} twin', NULL, NULL),
       (41, 2, 3, NULL, '{MARK} moved', NULL, NULL);
INSERT INTO orders (id, tenant_id, company_id, order_number, customer_name, customer_email)
VALUES (25, 2, 5, '{MARK}-25', '{MARK} placed', 'x@{MARK}.example'),
       (26, 2, 5, '{MARK}-26', '{MARK} walk-in', NULL), (27, 2, 5, '{MARK}-27', NULL, NULL);
"""
"""Of tenant 2, which the user does not see; the key of each row is that of no row of tenant 1."""
KEYS = ("2", "3", "13", "16", "17", "18", "23", "25", "26")
ACTS = ("1", "2", "3", "4")
"""What was done to rows of tenant 2: moved, linked, marked and merged."""
SHOWN = "f" * 64
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


@pytest.fixture
def shared(data: Database) -> Database:
    """A database with rows of two tenants, and what a user may have done to both."""
    data.execute(FOREIGN)
    return data


def limited_client(*permissions: str, superuser: bool = False) -> Client:
    """Return the client of a member of staff who sees tenant 1 only."""
    client = client_of(*permissions, superuser=superuser)
    limit(User.objects.latest("pk").pk, [1])
    return client


def leave_traces(user: User) -> None:
    """Let the user have worked with the other tenant's rows before."""
    for model, key in ((Company, 3), (Contact, 13), (Contact, 999)):
        LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(model),
            object_id=str(key),
            object_repr=f"{MARK} {key}",
            action_flag=CHANGE,
        )
    root = User.objects.create(username="root")
    record(Asked(SHOWN, root.pk, 2), DONE, f"Reassigned to {MARK} company")
    RestructuringRun.objects.create(
        kind="migration",
        transaction_id=1,
        started_at=timezone.now(),
        operating_system_user=MARK,
        database_user=MARK,
    )


def act_on_theirs(user: User) -> None:
    """Let the user have moved, linked, marked and merged rows of the other tenant, as ACTS."""
    contacts, company = Contact.objects.filter(pk=41), Company.objects.get(pk=5)
    plan = make_plan(contacts, company)
    with recording(Action.Kind.REASSIGN, user.pk) as written:
        reassign(contacts, company, (), shown=plan.fingerprint, user_id=user.pk, record=written)
        written.end("Reassigned.")
    decide(Decisions(links=(Link(27, 41, 5),)), user_id=user.pk)
    want_none([26], user_id=user.pk)
    kept, gone = Contact.objects.get(pk=19), Contact.objects.get(pk=20)
    shown = plan_merge(kept, gone, {}).fingerprint
    merge(19, 20, {}, (), shown=shown, user_id=user.pk)
    Action.objects.update(told=f"{MARK} was touched.")
    assert {str(pk) for pk in Action.objects.values_list("pk", flat=True)} == {*ACTS}


def worked_before(*, limited: bool) -> Client:
    """Return the client of a superuser who has worked with the other tenant's rows."""
    client = client_of(superuser=True)
    user = User.objects.get()
    act_on_theirs(user)
    leave_traces(user)
    if limited:
        limit(user.pk, [1])
    return client


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


def body(answer: Any) -> str:
    """Return what was sent, a file included."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return content.decode().lower()


def finds(client: Client) -> set[str]:
    """Return the pages on which some query finds a row of the other tenant."""
    return {url for url, query in asked() if MARK in body(client.get(url, query))}


def theirs(data: Database) -> list[Any]:
    """Return all of the other tenant's rows."""
    queries = [f"SELECT * FROM {name} WHERE tenant_id = 2 ORDER BY id" for name in OWNED]
    return [data.fetch(query) for query in (*OTHERS, *queries)]


OTHERS = (
    "SELECT * FROM tenants WHERE id = 2",
    "SELECT * FROM settling_nocontactwanted WHERE order_id = ANY('{23,25,26,27}')",
    "SELECT * FROM settling_action WHERE id <= 4 ORDER BY id",
)
OWNED = ("companies", "contacts", "orders", "addresses")


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


def test_counts_and_sums_are_of_the_seen_tenants(shared: Database) -> None:
    request: Any = RequestFactory().get("/admin/")
    client_of(superuser=True)
    request.user = User.objects.get()
    everything = dashboard(request)
    limit(request.user.pk, [1])
    del request._tenants
    found = dashboard(request)
    assert (everything.total, everything.unfinished) == (12, 2)
    assert (found.total, found.unfinished) == (5, 1)
    assert [tenant.name for tenant in found.tenants] == ["Aurum"]


def test_a_tenant_seen_by_name_keeps_the_others_out_of_a_form(shared: Database) -> None:
    client = limited_client(superuser=True)
    answer = client.post(f"{CONTACTS}add/", {"company": "3", "name": "Zoe"})
    assert "valid choice" in text_of(answer)
    assert shared.value("SELECT count(*) FROM contacts WHERE name = 'Zoe'") == 0
    client.post(f"{CONTACTS}add/", {"company": "2", "name": "Zoe"})
    assert shared.value("SELECT tenant_id FROM contacts WHERE name = 'Zoe'") == 1


def test_a_limit_counts_at_the_moment_of_acting(shared: Database) -> None:
    client = client_of(superuser=True)
    user = User.objects.get()
    page = client.get(REASSIGN, {"ids": "13", "company": "5"})
    before = theirs(shared)
    limit(user.pk, [1])
    assert "No contacts are selected any more" in text_of(confirm(client, page))
    assert theirs(shared) == before


def test_a_limit_counts_in_the_work_behind_the_page(shared: Database) -> None:
    client_of(superuser=True)
    user = User.objects.get()
    contacts, company = Contact.objects.filter(pk=13), Company.objects.get(pk=5)
    plan = make_plan(contacts, company)
    before = theirs(shared)
    limit(user.pk, [1])
    with pytest.raises(ChangedMeanwhileError), recording(Action.Kind.REASSIGN, user.pk) as written:
        reassign(contacts, company, (), shown=plan.fingerprint, user_id=user.pk, record=written)
    with pytest.raises(ValidationError, match="Company 3 is gone"):
        accept([Acceptance(16, 5, 3)], (), user.pk)
    with (
        pytest.raises(ValidationError, match="does not exist any more"),
        recording(Action.Kind.LINK, user.pk) as written,
    ):
        link([Link(25, 13, 3)], user_id=user.pk, record=written)
    with pytest.raises(ValidationError, match="settled meanwhile"):
        settle(16, Answer(DROP), shown=f"y@{MARK}.example", user_id=user.pk)
    assert theirs(shared) == before


def test_a_limit_counts_in_merging_marking_and_making_contacts(shared: Database) -> None:
    client_of(superuser=True)
    user = User.objects.get()
    both = plan_merge(Contact.objects.get(pk=17), Contact.objects.get(pk=18), {})
    want_none([26], user_id=user.pk)
    before = theirs(shared)
    limit(user.pk, [1])
    with pytest.raises(ValidationError, match="has changed since this was shown"):
        merge(17, 18, {}, (), shown=both.fingerprint, user_id=user.pk)
    with pytest.raises(ValidationError, match="An order is gone"):
        decide(Decisions(walk_ins=(25,)), user_id=user.pk)
    with pytest.raises(ValidationError, match="Order 25 does not exist any more"):
        decide(Decisions(new=(NewContact(25, "Zoe", "", "", ALIKE),)), user_id=user.pk)
    with pytest.raises(ValidationError, match="Contact 13 does not exist any more"):
        decide(Decisions(links=(Link(24, 13, 3),)), user_id=user.pk)
    assert want_none([25], user_id=user.pk).startswith("0 orders")
    assert want_one_again([26], user_id=user.pk) == 0
    assert theirs(shared) == before


def test_a_limit_counts_in_undoing_also_where_the_rows_are_gone(shared: Database) -> None:
    client = worked_before(limited=True)
    user = User.objects.get(username="user0")
    shared.run_script("""
        UPDATE orders SET contact_id = NULL WHERE contact_id IN (19, 41);
        DELETE FROM contacts WHERE id IN (19, 41);
        DELETE FROM orders WHERE id IN (26, 27);
    """)
    before = theirs(shared)
    assert last_action(user.pk) is None
    assert "nothing that can be undone" in text_of(client.get(f"{CONTACTS}undo/", follow=True))
    for act in ACTS:
        assert client.get(f"{CONTACTS}undo/{act}/").status_code == 403
        with pytest.raises(ValidationError, match="nothing here that you can undo"):
            undo(int(act), user_id=user.pk)
    assert theirs(shared) == before


def test_a_limited_user_undoes_what_they_did_last_of_what_they_see(shared: Database) -> None:
    client = client_of(superuser=True)
    user = User.objects.get()
    want_none([24], user_id=user.pk)
    want_none([26], user_id=user.pk)
    limit(user.pk, [1])
    page = client.get(f"{CONTACTS}undo/", follow=True)
    assert "It can be undone as a whole" in text_of(page)
    client.post(page.request["PATH_INFO"])
    assert shared.fetch("SELECT order_id FROM settling_nocontactwanted") == [(26,)]


def test_another_row_that_got_a_merged_contacts_number_does_not_tell_of_it(
    shared: Database,
) -> None:
    client = worked_before(limited=True)
    shared.execute("INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (20, 1, 1, 'n')")
    assert not client.get(f"{CONTACTS}20/history/").context["merges"]


def test_who_sees_some_tenants_only_gets_no_other_permission_by_it(shared: Database) -> None:
    client = limited_client("contacts.view_contact")
    assert client.get(CONTACTS).status_code == 200
    assert client.get(COMPANIES).status_code == 403


def test_who_was_limited_to_a_tenant_that_is_gone_sees_nothing(shared: Database) -> None:
    client = client_of(superuser=True)
    limit(User.objects.get().pk, [999])
    assert "0 contacts" in text_of(client.get(CONTACTS))


USERS = "/admin/auth/user/"


def choose(client: Client, user: User, *tenants: int) -> Any:
    """Choose, on the page of a user, the tenants that they see."""
    day = {"last_login_0": "", "last_login_1": ""}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    sent = {"username": user.username, "is_staff": "on", "is_active": "on", "tenants": tenants}
    return client.post(f"{USERS}{user.pk}/change/", {**sent, **day, **joined}, follow=True)


def test_the_tenants_that_a_user_sees_are_chosen_on_the_users_page(shared: Database) -> None:
    client = client_of(superuser=True)
    ann = User.objects.create(username="ann", is_staff=True)
    assert f"{MARK} tenant" in text_of(client.get(f"{USERS}{ann.pk}/change/"))
    assert "was changed successfully" in text_of(choose(client, ann, 1, 2))
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants ORDER BY 1") == [(1,), (2,)]
    choose(client, ann, 2)
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants") == [(2,)]
    choose(client, ann)
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants") == []


def test_a_tenant_that_is_gone_is_kept_until_somebody_takes_it_away(shared: Database) -> None:
    client = client_of(superuser=True)
    ann = User.objects.create(username="ann", is_staff=True)
    limit(ann.pk, [999])
    assert "tenant 999, which is gone" in text_of(client.get(f"{USERS}{ann.pk}/change/"))
    choose(client, ann, 999)
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants") == [(999,)]


def test_nobody_chooses_their_own_tenants_and_a_limited_user_nobodys(shared: Database) -> None:
    client = client_of(superuser=True)
    root = User.objects.get()
    assert "sees only what belongs to these" not in text_of(client.get(f"{USERS}{root.pk}/change/"))
    choose(client, root, 1)
    assert not UserTenant.objects.exists()
    ann = User.objects.create(username="ann", is_staff=True)
    limit(root.pk, [1])
    for page in (USERS, f"{USERS}{ann.pk}/change/", f"{USERS}{ann.pk}/password/", f"{USERS}add/"):
        assert client.get(page).status_code == 403, page
    choose(client, ann, 2)
    assert UserTenant.objects.filter(user=ann).count() == 0


def test_a_limited_user_who_has_reassigned_is_told_how_it_ended(shared: Database) -> None:
    client = limited_client(superuser=True)
    user = User.objects.get()
    since = timezone.now() - timedelta(minutes=1)
    record(Asked(SHOWN, user.pk, 1), DONE, "Reassigned 3 contacts to Empty")
    asked = {"shown": SHOWN, "since": since.isoformat()}
    told = text_of(client.get(f"{REASSIGN}progress/", asked, follow=True))
    assert "Reassigned 3 contacts to Empty" in told


def test_nobody_is_told_of_a_reassignment_in_a_tenant_that_they_see_no_more(
    shared: Database,
) -> None:
    client = limited_client(superuser=True)
    asked = {"shown": SHOWN, "since": (timezone.now() - timedelta(minutes=1)).isoformat()}
    record(Asked(SHOWN, User.objects.get().pk, 2), DONE, f"Reassigned 3 contacts to {MARK}")
    assert client.get(f"{REASSIGN}progress/", asked).status_code == 403
    again = client.post(REASSIGN, {"ids": "13", "company": "5", **asked}, follow=True)
    assert MARK not in body(again)


def test_how_far_a_reassignment_is_learns_only_who_knows_which(shared: Database) -> None:
    client = limited_client(superuser=True)
    asked = {"since": timezone.now().isoformat(), "number": "9"}
    with closing(shared.connect()) as session:
        session.cursor().execute("SET application_name = %s", [f"reassign {SHOWN[:24]} 777"])
        told = text_of(client.get(f"{REASSIGN}progress/", {"shown": SHOWN, **asked}))
        assert "777 of 9 contacts moved" in told
        for shown in ("%", "_" * 64):
            told = text_of(client.get(f"{REASSIGN}progress/", {"shown": shown, **asked}))
            assert "777" not in told, shown


def test_without_the_table_of_limits_nobody_sees_a_row(shared: Database) -> None:
    client = client_of(superuser=True)
    shared.execute("DROP TABLE auth_user_tenants")
    for page in ("/admin/", CONTACTS, USERS):
        answer = client.get(page)
        assert answer.status_code == 503, page
        assert "Run 'manage.py migrate': it adds them" in text_of(answer)

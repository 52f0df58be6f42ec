"""``python -m tests.benchmark.pages``: how long the admin's pages take at the size of a platform.

It makes a database of its own, with contacts, most of them of one tenant and still where the
migration placed them, and prints a table: each page with its limit, and the reassignment of all
those contacts at once.
"""

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tests.benchmark.place import Place, place
from tests.benchmark.programs import manage
from tests.support.database.databases import Database

LIMIT = 1.0
"""Seconds that a page may take, on two processors."""
LIMIT_OF_REASSIGNING = 10.0
BIG = """
    INSERT INTO contacts (tenant_id, company_id, placed_in_company_id, name, email, phone)
    SELECT c.tenant_id, c.id, c.id, 'Person ' || n, 'person' || n || '@big.example',
           '+49 30 ' || 1000000 + n
      FROM companies AS c, generate_series(1, %(big)s) AS n WHERE c.id = %(company)s;
    INSERT INTO orders (tenant_id, contact_id, order_number, customer_name)
    SELECT tenant_id, id, 'BIG-' || id, name FROM contacts WHERE email LIKE '%%@big.example';
"""
COMPANY = "SELECT tenant_id, id FROM companies WHERE is_default ORDER BY tenant_id LIMIT 1"
HIDDEN = 'name="{}" value="([^"]+)"'
MOVED = """
    SELECT count(*) FROM contacts WHERE company_id = %s AND email LIKE '%%@big.example'
"""
TARGET = "SELECT min(id) FROM companies WHERE tenant_id = %s AND NOT is_default"
CONTACTS, ORDERS = "/admin/contacts/contact/", "/admin/orders/order/"
PAGES = {
    "index": "/admin/",
    "index, a tenant searched": "/admin/?tenant=a",
    "contacts": CONTACTS,
    "contacts, last page": f"{CONTACTS}?p=100000",
    "contacts by name": f"{CONTACTS}?q=person+4999",
    "contacts by e-mail": f"{CONTACTS}?q=person4999@big",
    "contacts still placed": f"{CONTACTS}?placed=still",
    "contacts, sorted by orders": f"{CONTACTS}?o=-7",
    "contacts, tenants searched": f"{CONTACTS}?tenant=a",
    "orders": ORDERS,
    "orders, last page": f"{ORDERS}?p=100000",
    "orders without a contact": f"{ORDERS}?contact=none",
    "orders by e-mail": f"{ORDERS}?q=person4999",
    "companies": "/admin/companies/company/",
    "companies, last page": "/admin/companies/company/?p=100000",
    "link, all orders without one": f"{ORDERS}link/?{urlencode({'filters': 'contact=none'})}",
    "propose, all still placed": f"{CONTACTS}propose/?{urlencode({'filters': 'placed=still'})}",
}


@dataclass(frozen=True)
class Timed:
    """What was asked for, how many seconds it took, and may take at most; None: no limit."""

    what: str
    seconds: float
    limit: float | None

    @property
    def line(self) -> str:
        if self.limit is None:
            return f"{self.what:<40}{self.seconds:8.2f} s"
        verdict = "ok" if self.seconds <= self.limit else "TOO LONG"
        return f"{self.what:<40}{self.seconds:8.2f} s   ≤ {self.limit:g} s  {verdict}"


def measure(database: Database, tenant: int, repeat: int) -> Iterator[Timed]:
    """Open each page some times, then reassign the big tenant's contacts."""
    browser = _browser(database)

    def opened(url: str) -> Any:
        answer = browser.get(url, secure=True)
        if answer.status_code != 200:
            raise RuntimeError(f"{url} answered {answer.status_code}")
        return answer

    for what, url in PAGES.items():
        opened(url)
        yield Timed(what, _median(partial(opened, url), repeat), LIMIT)
    filters = {"filters": f"placed=still&tenant__id__exact={tenant}"}
    chosen = {**filters, "company": database.value(TARGET, [tenant])}
    begun = time.monotonic()
    shown = opened(f"{CONTACTS}reassign/?{urlencode(chosen)}").content.decode()
    yield Timed("reassign, what will happen", time.monotonic() - begun, None)
    found = {name: HIDDEN.format(name) for name in ("shown", "since")}
    hidden = {name: re.findall(pattern, shown)[0] for name, pattern in found.items()}
    yield from _reassign(database, browser, {**chosen, **hidden, "without": "1"})


def _reassign(database: Database, browser: Any, sent: dict[str, Any]) -> Iterator[Timed]:
    begun = time.monotonic()
    answer = browser.post(f"{CONTACTS}reassign/", sent, secure=True)
    progress = answer.headers["Location"]
    yield Timed("reassign, the answer", time.monotonic() - begun, LIMIT)
    while browser.get(progress, secure=True).status_code == 200:
        time.sleep(0.1)
    took = time.monotonic() - begun
    moved = database.value(MOVED, [sent["company"]])
    yield Timed(f"reassign {moved:,} contacts, to the end", took, LIMIT_OF_REASSIGNING)
    begun = time.monotonic()
    answer = browser.post(f"{CONTACTS}reassign/", sent, secure=True, follow=True)
    yield Timed("reassign, a second click", time.monotonic() - begun, LIMIT)
    if "Already done by you" not in answer.content.decode():
        raise RuntimeError("The second click was not told that it was done.")


def _median(call: Callable[[], Any], repeat: int) -> float:
    seconds = []
    for _ in range(repeat):
        begun = time.monotonic()
        call()
        seconds.append(time.monotonic() - begun)
    return statistics.median(seconds)


def _browser(database: Database) -> Any:
    """Return a client, logged in, of the project's own settings on ``database``."""
    os.environ.update(DATABASE_URL=database.url, DJANGO_SETTINGS_MODULE="jmsk.settings")
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return client


def _fill(here: Place, options: argparse.Namespace) -> tuple[Database, int]:
    """Return a migrated database, and the tenant that has most contacts."""
    database = here.new()
    sizes = ("customers", "orders", "tenants")
    sample = [f"--{size}={getattr(options, size)}" for size in sizes]
    manage(database.url, "load_legacy_sample", *sample, folder=here.folder)
    work = ("--noinput", "--skip-backup", f"--backup-dir={here.folder}")
    manage(database.url, "migrate_contacts", *work, folder=here.folder)
    ((tenant, company),) = database.fetch(COMPANY)
    database.execute(BIG, {"company": company, "big": options.big})
    database.execute("VACUUM ANALYZE")
    return database, tenant


def main() -> int:
    """Measure and print. Returns the exit code: 1 where something took longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.pages", description=__doc__)
    for name, usual, text in (
        ("customers", 3_000, "customers of the sample, among all tenants"),
        ("orders", 20_000, "orders of the sample"),
        ("tenants", 300, "tenants"),
        ("big", 50_000, "contacts more, of one tenant, each with an order"),
        ("repeat", 3, "times each page is opened; the medians count"),
    ):
        parser.add_argument(f"--{name}", type=int, default=usual, help=f"{text} (%(default)s)")
    options = parser.parse_args()
    with place(os.environ.get("DATABASE_URL")) as here:
        database, tenant = _fill(here, options)
        sys.stdout.write(
            f"{options.customers + options.big:,} contacts, {options.tenants} tenants, "
        )
        sys.stdout.write(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n\n")
        late = False
        for timed in measure(database, tenant, options.repeat):
            late |= timed.limit is not None and timed.seconds > timed.limit
            sys.stdout.write(f"{timed.line}\n")
            sys.stdout.flush()
        from django.db import connections

        connections.close_all()
    return int(late)


if __name__ == "__main__":
    sys.exit(main())

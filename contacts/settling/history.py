"""What a user did last, on the index: of the rows that they see."""

from collections import defaultdict
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest

from companies.models import Company, Tenant
from contacts.models import Contact
from jmsk.access.tenants import is_limited, seen_in
from orders.models import Order

LOOKED_AT = 100
"""Of who sees some tenants only, so many of the last entries are looked at."""


def seen_entries(request: HttpRequest, entries: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
    """Return those of the user's own ``entries`` that tell of rows that the user sees.

    All of them, where the user sees all tenants. What is gone since may have been of any tenant.
    """
    if not is_limited(request):
        return entries
    user: Any = request.user
    by_row: dict[Any, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries.filter(user=user.pk)[:LOOKED_AT]:
        model = entry.content_type and entry.content_type.model_class()
        if model in (Tenant, Company, Contact, Order) and (entry.object_id or "").isdecimal():
            by_row[model][int(entry.object_id or 0)].append(entry.pk)
    seen = [
        entry
        for model, rows in by_row.items()
        for key in seen_in(request, model.objects.filter(pk__in=rows)).values_list("pk", flat=True)
        for entry in rows[key]
    ]
    return entries.filter(pk__in=seen)

"""The filter by tenant: a search box, and links where there are few."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from companies.models import Tenant
from jmsk.access.tenants import seen_in

SHOWN = 10
TEXT, KEY = "tenant", "tenant__id__exact"


def tenants_named(request: HttpRequest, text: str) -> QuerySet[Tenant]:
    """Return the tenants the user sees whose name or subdomain contains ``text``, by name."""
    found = Tenant.objects.filter(Q(name__icontains=text) | Q(subdomain__icontains=text))
    return seen_in(request, found).order_by("name", "pk")


class TenantFilter(admin.ListFilter):
    """Rows of one tenant, or of all whose name or subdomain contains what was typed.

    It offers the first that match as links, so that three hundred tenants fill no page.
    """

    title = "tenant"
    template = "admin/tenant_filter.html"
    parameters = (TEXT, KEY)

    def __init__(self, request: HttpRequest, params: dict[str, Any], *others: Any) -> None:
        super().__init__(request, params, *others)
        for name in self.parameters:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.text = str(self.used_parameters.get(TEXT, "")).replace("\0", "").strip()
        self.key = self._read_key()
        found = tenants_named(request, self.text)
        if self.key:
            found = seen_in(request, Tenant.objects.filter(pk=self.key))
        self.tenants = list(found[: SHOWN + 1])

    def _read_key(self) -> int | None:
        if KEY not in self.used_parameters:
            return None
        key = str(self.used_parameters[KEY])
        if not key.isdecimal():
            raise IncorrectLookupParameters(f"{KEY}={key}")
        return int(key)

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters)

    def has_output(self) -> bool:
        return bool(self.used_parameters) or len(self.tenants) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.key is not None:
            return queryset.filter(tenant=self.key)
        if self.text:
            return queryset.filter(tenant__in=tenants_named(request, self.text).values("pk"))
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Yield the search box, the way back to all, and the first tenants that match."""
        yield {
            "box": self.text,
            "hidden": [
                (name, value)
                for name, value in changelist.params.items()
                if name not in self.parameters
            ],
            "further": len(self.tenants) > SHOWN,
        }
        yield {
            "selected": not self.used_parameters,
            "query_string": changelist.get_query_string(remove=self.parameters),
            "display": "All",
        }
        for tenant in self.tenants[:SHOWN]:
            yield {
                "selected": tenant.pk == self.key,
                "query_string": changelist.get_query_string({KEY: tenant.pk, TEXT: None}),
                "display": tenant.name,
            }

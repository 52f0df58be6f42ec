"""The one place that leaves out the rows of tenants that a user does not see.

Pages ask by their request, which reads the user's tenants once. What writes asks by the user, when
it writes: what was taken away since the page was shown, counts.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from jmsk.access.models import UserTenant
from jmsk.adminsite.stage import limiting

Tenants = frozenset[int] | None
"""The ids of the tenants that a user sees; None: all."""


def tenants_of(user_id: int) -> Tenants:
    """Return the tenants that the user sees."""
    listed = UserTenant.objects.filter(user_id=user_id).values_list("tenant_id", flat=True)
    return frozenset(listed) or None


def limit(user_id: int, tenants: Iterable[int]) -> None:
    """Let the user see these tenants only; none of them: all tenants."""
    wanted = set(tenants)
    listed = UserTenant.objects.filter(user_id=user_id)
    listed.exclude(tenant_id__in=wanted).delete()
    UserTenant.objects.bulk_create(
        (UserTenant(user_id=user_id, tenant_id=tenant) for tenant in sorted(wanted)),
        ignore_conflicts=True,
    )


def seen_by(user_id: int, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of ``rows`` that the user sees now: tenants, or what belongs to one."""
    return _of(tenants_of(user_id), rows)


def seen_in(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of ``rows`` that the request's user sees."""
    return _of(_tenants(request), rows)


def sees(request: HttpRequest, tenant: int) -> bool:
    """Return whether the request's user sees this tenant."""
    seen = _tenants(request)
    return seen is None or tenant in seen


def is_limited(request: HttpRequest) -> bool:
    """Return whether the request's user sees some tenants only."""
    return _tenants(request) is not None


def _tenants(request: HttpRequest) -> Tenants:
    if not hasattr(request, "_tenants"):
        user: Any = request.user
        request._tenants = tenants_of(user.pk) if limiting(request) else None  # type: ignore[attr-defined]
    tenants: Tenants = request._tenants  # type: ignore[attr-defined]
    return tenants


def _of(tenants: Tenants, rows: QuerySet[Any]) -> QuerySet[Any]:
    if tenants is None:
        return rows
    column = "pk" if rows.model._meta.model_name == "tenant" else "tenant_id"
    return rows.filter(**{f"{column}__in": sorted(tenants)})

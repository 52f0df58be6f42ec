"""Tenants and companies, with what depends on them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from companies.admin_addresses import AddressInline, save_addresses
from companies.admin_tenants import TenantFilter
from companies.models import Address, Company, Tenant
from jmsk.access.tenants import is_limited
from jmsk.adminsite.check_rules import LABELS, rules_for
from jmsk.adminsite.deletion import Dependants, DependantsMixin
from jmsk.adminsite.export import ExportMixin
from jmsk.adminsite.filters import Choice, ConditionFilter
from jmsk.adminsite.wrapping import breakable


def rows_of(relation: str) -> QuerySet:
    """Return the rows that belong to the company of an outer query by its reverse ``relation``."""
    model: Any = Company._meta.get_field(relation).related_model
    rows: QuerySet = model.objects.filter(company=OuterRef("pk"))
    return rows


def number_of(relation: str) -> Coalesce:
    """Return how many rows a company has by its reverse ``relation``, as a column of the query."""
    rows = rows_of(relation).order_by().values("company")
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)


USED = Exists(rows_of("contacts")) | Exists(rows_of("orders"))


class DefaultCompanyFilter(ConditionFilter):
    """Default companies, by whether they are still needed."""

    title = "default company"
    parameter_name = "default"

    def conditions(self, request: HttpRequest) -> Iterator[Choice]:
        yield "used", "default company, in use", Q(is_default=True) & USED
        yield "empty", "default company, empty: can be removed", Q(is_default=True) & ~Q(USED)
        yield "no", "other companies", Q(is_default=False)


class CompanyRuleFilter(ConditionFilter):
    """Companies with a value that a rule not yet proved would refuse, or an address with one."""

    title = "breaks a rule"
    parameter_name = "breaks"

    def conditions(self, request: HttpRequest) -> Iterator[Choice]:
        for rule in rules_for(request, Company):
            yield rule.name, f"{rule.label}: {rule.text}", rule.broken
        for rule in rules_for(request, Address):
            broken = Exists(Address.objects.filter(rule.broken, company=OuterRef("pk")))
            yield rule.name, f"an address: {rule.text}", Q(broken)


@admin.register(Tenant)
class TenantAdmin(DependantsMixin):
    """Tenants. One with companies, contacts or orders cannot be deleted."""

    list_display = ("name", "subdomain", "is_active")
    search_fields = ("name", "subdomain")
    ordering = ("name", "pk")
    fields = ("name", "subdomain", "is_active")
    dependants = tuple(
        Dependants(model, "tenant", "still belong to it", block=True)
        for model in ("companies.Company", "contacts.Contact", "orders.Order")
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add tenants: who sees some only would not see it."""
        return super().has_add_permission(request) and not is_limited(request)


@admin.register(Company)
class CompanyAdmin(ExportMixin, DependantsMixin):
    """Companies with their addresses. The tenant of one that exists cannot be changed."""

    list_display = (
        "name",
        "tenant",
        "kind",
        "contacts_count",
        "orders_count",
        "phone",
        "shown_email",
    )
    list_filter = (
        DefaultCompanyFilter,
        CompanyRuleFilter,
        TenantFilter,
    )
    list_select_related = ("tenant",)
    search_fields = ("name", "email")
    search_help_text = "Name or e-mail"
    ordering = ("name", "pk")
    actions = ("export_as_csv",)
    inlines = (AddressInline,)
    change_list_template = "contacts/admin/change_list.html"
    fields = (
        "tenant",
        "name",
        "phone",
        "email",
        "fax",
        "address",
        "kind",
        "contacts_count",
        "orders_count",
        "attention",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields[6:]
    dependants = (
        Dependants("contacts.Contact", "company", "still belong to it", block=True),
        Dependants("orders.Order", "company", "still belong to it", block=True),
        Dependants("companies.Address", "company", "will be deleted too", cascade=True),
    )

    class Media:
        css = {"all": ["contacts/admin.css"]}

    def get_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        return self.fields[:6] if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Company | None = None) -> Any:
        return () if obj is None else ("tenant", *self.readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        broken = {f"breaks_{rule.field}": rule.annotation for rule in rules_for(request, Company)}
        counts = {
            "number_of_contacts": number_of("contacts"),
            "number_of_orders": number_of("orders"),
        }
        return super().get_queryset(request).annotate(**counts, **broken)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: Any) -> None:
        save_addresses(form.instance, formset)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say what a default company is still good for, before it goes."""
        to_delete, *others = super().get_deleted_objects(objs, request)
        if any(company.is_default for company in objs):
            to_delete.append(
                "With it goes the place for orders that another program adds without naming a "
                "contact or a company: the database will refuse them."
            )
        return to_delete, *others

    def told(self, obj: Company) -> str:
        """Return what a company is called where it may be chosen."""
        return f"{obj.name} ({obj.tenant})"

    @admin.display(description="kind", ordering="is_default")
    def kind(self, company: Any) -> str:
        if not company.is_default:
            return ""
        if company.number_of_contacts or company.number_of_orders:
            return "default company"
        return "default company, empty: can be removed"

    @admin.display(description="email", ordering="email")
    def shown_email(self, company: Any) -> Any:
        return breakable(company.email)

    @admin.display(description="contacts", ordering="number_of_contacts")
    def contacts_count(self, company: Any) -> int:
        return int(company.number_of_contacts)

    @admin.display(description="orders", ordering="number_of_orders")
    def orders_count(self, company: Any) -> int:
        return int(company.number_of_orders)

    @admin.display(description="needs attention")
    def attention(self, company: Any) -> str:
        broken = [name for name in LABELS if getattr(company, f"breaks_{name}", False)]
        return "; ".join(f"the {LABELS[name]} breaks a rule" for name in broken)

"""Contacts: who needs attention, why, and the ways to put it right."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Count, ExpressionWrapper, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from companies.admin_tenants import TenantFilter
from contacts.admin.filters import BreaksRuleFilter, PlacedFilter, SetAsideFilter
from contacts.admin.merge import MergeMixin
from contacts.admin.propose import ProposeMixin
from contacts.admin.reassign import ReassignMixin
from contacts.admin.settle import SettleMixin
from contacts.models import Contact
from contacts.settling.attention import ALIKE_EMAILS, with_alike_emails
from jmsk.adminsite.check_rules import LABELS, rules_for
from jmsk.adminsite.deletion import Dependants, DependantsMixin
from jmsk.adminsite.export import ExportMixin
from jmsk.adminsite.forms import ChangedValuesForm
from jmsk.adminsite.wrapping import breakable
from orders.models import Order

ORDERS = Coalesce(
    Subquery(
        Order.objects.filter(contact=OuterRef("pk"))
        .order_by()
        .values("contact")
        .annotate(number=Count("pk"))
        .values("number")
    ),
    0,
)


class ContactForm(ChangedValuesForm):
    """A new contact's tenant is its company's: they cannot differ."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        company = cleaned.get("company")
        if company is not None and self.instance.pk is None:
            self.instance.tenant_id = company.tenant_id
        return cleaned


@admin.register(Contact)
class ContactAdmin(
    ProposeMixin, ReassignMixin, SettleMixin, MergeMixin, ExportMixin, DependantsMixin
):
    """A contact moves to another company by the action only: that shows what moves along."""

    form = ContactForm
    list_display = (
        "name",
        "attention",
        "tenant",
        "company",
        "shown_email",
        "phone",
        "orders_count",
    )
    list_filter = (
        PlacedFilter,
        SetAsideFilter,
        BreaksRuleFilter,
        TenantFilter,
    )
    list_select_related = ("tenant", "company")
    search_fields = ("name", "email", "email_set_aside", "company__name")
    search_help_text = "Name, e-mail (also one that was set aside), or company"
    ordering = ("name", "pk")
    actions = ("export_as_csv", "propose_companies", "reassign_to_company", "merge_contacts")
    for_ticked_rows = DependantsMixin.for_ticked_rows | {"merge_contacts"}
    autocomplete_fields = ("company",)
    change_list_template = "contacts/admin/change_list.html"
    change_form_template = "contacts/admin/change_form.html"
    dependants = (Dependants("orders.Order", "contact", "will have no contact any more"),)
    add_fields = ("company", "name", "email", "phone")
    fields = (
        "name",
        "email",
        "phone",
        "tenant",
        "company",
        "orders_count",
        "attention",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields[3:]

    class Media:
        css = {"all": ["contacts/admin.css"]}

    def get_fields(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        return self.add_fields if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Contact | None = None) -> Any:
        return () if obj is None else self.readonly_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        broken = {f"breaks_{rule.field}": rule.annotation for rule in rules_for(request, Contact)}
        return super().get_queryset(request).annotate(number_of_orders=ORDERS, **broken)

    def complete(self, rows: list[Any]) -> None:
        alike = with_alike_emails(rows)
        for contact in rows:
            contact.has_alike_email = contact.pk in alike

    def completed(self, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        alike = ExpressionWrapper(ALIKE_EMAILS, BooleanField())
        return queryset.annotate(has_alike_email=alike)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kw: Any) -> Any:
        contact = context.get("original")
        context["may_reassign"] = contact is not None and self.has_reassign_permission(request)
        context["may_settle"] = (
            contact is not None
            and contact.email_set_aside is not None
            and self.may(request, "settle")
        )
        return super().render_change_form(request, context, *args, **kw)

    @admin.display(description="email", ordering="email")
    def shown_email(self, contact: Any) -> Any:
        return breakable(contact.email)

    def told(self, obj: Contact) -> str:
        """Return what a contact is called where it may be chosen."""
        return f"{obj.name}, {obj.email or 'no e-mail'}, of {obj.company} ({obj.tenant})"

    @admin.display(description="orders", ordering="number_of_orders")
    def orders_count(self, contact: Any) -> int:
        return int(contact.number_of_orders)

    @admin.display(description="needs attention")
    def attention(self, contact: Any) -> Any:
        """Say why, in words: the same that the filters and the dashboard count."""
        if not hasattr(contact, "has_alike_email"):
            self.complete([contact])
        return breakable("; ".join(_reasons(contact)))


def _reasons(contact: Any) -> Iterator[str]:
    if contact.company_id == contact.placed_in_company_id:
        yield "still where the migration placed it"
    if contact.email_set_aside is not None:
        yield f"duplicate e-mail {contact.email_set_aside or '(empty)'} set aside"
    if contact.has_alike_email:
        yield "likely a duplicate: a colleague's e-mail is the same but for upper and lower case"
    for field in ("email", "phone"):
        if getattr(contact, f"breaks_{field}", False):
            yield f"the {LABELS[field]} breaks a rule"

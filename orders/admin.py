"""Orders, and those among them that have no contact."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest

from companies.admin_tenants import TenantFilter
from contacts.settling.models import NoContactWanted
from jmsk.adminsite.deletion import DependantsMixin
from jmsk.adminsite.export import ExportMixin
from jmsk.adminsite.filters import Choice, ConditionFilter
from jmsk.adminsite.forms import ChangedValuesForm
from jmsk.adminsite.wrapping import breakable
from orders.admin_link import LinkMixin
from orders.admin_walk_ins import WalkInMixin
from orders.linking import NO_CONTACT_WANTED, WITHOUT_CONTACT
from orders.models import Order


class ContactFilter(ConditionFilter):
    """Orders with and without a contact."""

    title = "contact"
    parameter_name = "contact"

    def conditions(self, request: HttpRequest) -> Iterator[Choice]:
        yield "none", "without a contact", WITHOUT_CONTACT
        yield "unwanted", "without, and none is wanted", NO_CONTACT_WANTED
        yield "linked", "with a contact", Q(contact__isnull=False)


class OrderForm(ChangedValuesForm):
    """A new order belongs to its contact's company, or to a company without a contact."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk is not None:
            return cleaned
        contact, company = cleaned.get("contact"), cleaned.get("company")
        if contact is not None and company is not None and contact.company_id != company.pk:
            raise ValidationError(f"{contact} belongs to {contact.company}, not to {company}.")
        if company is not None:
            self.instance.tenant_id = company.tenant_id
        return cleaned


@admin.register(Order)
class OrderAdmin(WalkInMixin, LinkMixin, ExportMixin, DependantsMixin):
    """An order gets a contact by the action only; its company then follows."""

    form = OrderForm
    list_display = (
        "order_number",
        "tenant",
        "company",
        "contact",
        "customer_name",
        "shown_email",
        "status",
        "due_date",
        "price",
    )
    list_filter = (
        ContactFilter,
        "status",
        "metal_type",
        TenantFilter,
    )
    list_select_related = ("tenant", "company", "contact")
    search_fields = ("order_number", "customer_name", "customer_email")
    search_help_text = "Order number, or the customer's name or e-mail"
    ordering = ("-pk",)
    actions = (
        "export_as_csv",
        "link_to_contact",
        "mark_as_wanting_none",
        "mark_as_wanting_one",
    )
    for_ticked_rows = DependantsMixin.for_ticked_rows | {
        "mark_as_wanting_none",
        "mark_as_wanting_one",
    }
    autocomplete_fields = ("company", "contact")
    change_list_template = "contacts/admin/change_list.html"
    change_form_template = "orders/admin/change_form.html"
    belongs = ("tenant", "company", "contact")
    fields = (
        "order_number",
        *belongs,
        "customer_name",
        "customer_email",
        "customer_phone",
        "status",
        "quantity",
        "price",
        "due_date",
        "product_description",
        "specifications",
        "metal_type",
        "target_weight_per_piece",
        "initial_total_weight",
        "created_at",
        "updated_at",
    )
    readonly_fields = ("created_at", "updated_at")

    class Media:
        css = {"all": ["contacts/admin.css"]}

    @admin.display(description="customer email", ordering="customer_email")
    def shown_email(self, order: Order) -> Any:
        return breakable(order.customer_email)

    def get_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        hidden = ("tenant", *self.readonly_fields) if obj is None else ()
        return [name for name in self.fields if name not in hidden]

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return () if obj is None else (*self.belongs, *self.readonly_fields)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kw: Any) -> Any:
        order = context.get("original")
        is_open = order is not None and order.contact_id is None
        context["wants_none"] = is_open and NoContactWanted.objects.filter(pk=order.pk).exists()
        context["may_link"] = (
            is_open and not context["wants_none"] and self.has_link_permission(request)
        )
        return super().render_change_form(request, context, *args, **kw)

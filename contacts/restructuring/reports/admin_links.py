"""Where the admin settles what a report lists: links, where the setting says where it is."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse


@dataclass(frozen=True)
class AdminLinks:
    """The admin's lists, narrowed to what is left; '' for each where the admin's place is not set.

    ``base`` is its scheme and host.
    """

    base: str

    def placed(self, tenant: int) -> str:
        """Where the contacts of a tenant are that the migration placed."""
        return self._list("contacts_contact", placed="still", tenant__id__exact=tenant)

    def without_contact(self, tenant: int) -> str:
        """Where the orders of a tenant are that have no contact."""
        return self._list("orders_order", contact="none", tenant__id__exact=tenant)

    @property
    def set_aside(self) -> str:
        """Where the contacts are whose e-mail was set aside."""
        return self._list("contacts_contact", set_aside="yes")

    def breaking(self, rule: str) -> str:
        """Where the rows are that break a check rule. Addresses are edited with their company."""
        model = "contacts_contact" if rule.startswith("ck_contacts_") else "companies_company"
        return self._list(model, breaks=rule)

    def _list(self, model: str, **filters: object) -> str:
        if not self.base:
            return ""
        return f"{self.base}{reverse(f'admin:{model}_changelist')}?{urlencode(filters)}"


def admin_links() -> AdminLinks:
    """Return the links of the admin that ADMIN_URL names."""
    return AdminLinks(settings.ADMIN_URL)

"""The admin of contacts, runs and users. Django finds them by importing this package."""

from contacts.admin.contacts import ContactAdmin
from contacts.admin.runs import RestructuringRunAdmin
from contacts.admin.users import OfferedGroupAdmin, OfferedUserAdmin

__all__ = ["ContactAdmin", "OfferedGroupAdmin", "OfferedUserAdmin", "RestructuringRunAdmin"]

"""The admin of contacts and runs. Django finds both by importing this package."""

from contacts.admin.contacts import ContactAdmin
from contacts.admin.runs import RestructuringRunAdmin

__all__ = ["ContactAdmin", "RestructuringRunAdmin"]

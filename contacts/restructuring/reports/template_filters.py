"""Filters of the HTML report's template."""

from django import template

from contacts.restructuring.console.lines import mebibytes as told

register = template.Library()


@register.filter
def thousands(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


@register.filter
def seconds(took: float) -> str:
    """Return seconds as people say them."""
    return f"{took:.2f} s"


@register.filter
def mebibytes(size: int) -> str:
    """Return bytes as people say them."""
    return told(size)


@register.filter
def plus(number: float, more: float) -> float:
    """Return the sum, for places in a drawing."""
    return number + more

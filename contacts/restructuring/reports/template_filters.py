"""Filters of the HTML report's template."""

from django import template

from jmsk.wording import counted as counted_noun
from jmsk.wording import mebibytes as told

register = template.Library()


@register.filter
def thousands(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


@register.filter
def seconds(took: float) -> str:
    """Return seconds as people say them."""
    return f"{took:,.2f} s"


@register.filter
def mebibytes(size: int) -> str:
    """Return bytes as people say them."""
    return told(size)


@register.filter
def plus(number: float, more: float) -> float:
    """Return the sum, for places in a drawing."""
    return number + more


@register.filter
def percent(share: float) -> str:
    """Return a share from 0 to 1 in per cent, as exact as it has to be to be told from nothing."""
    return f"{share:.0%}" if share in (0, 1) or 0.01 <= share <= 0.99 else f"{share:.2%}"


@register.filter
def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 row, 2 rows."""
    return counted_noun(number, noun)

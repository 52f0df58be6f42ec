"""The filters of the list of contacts."""

from collections.abc import Iterator

from django.db.models import Q
from django.http import HttpRequest

from contacts.models import Contact
from contacts.settling.attention import (
    ALIKE_EMAILS,
    NOT_PLACED,
    PLACED_AND_SETTLED,
    SET_ASIDE,
    STILL_PLACED,
)
from jmsk.adminsite.check_rules import rules_for
from jmsk.adminsite.filters import Choice, ConditionFilter


class PlacedFilter(ConditionFilter):
    """Contacts that the migration put into a default company."""

    title = "placed by the migration"
    parameter_name = "placed"

    def conditions(self, request: HttpRequest) -> Iterator[Choice]:
        yield "still", "still in the default company", STILL_PLACED
        yield "settled", "settled: moved on since", PLACED_AND_SETTLED
        yield "no", "not placed", NOT_PLACED


class SetAsideFilter(ConditionFilter):
    """Contacts whose e-mail another has: it was set aside, or differs in upper and lower case."""

    title = "duplicate e-mail"
    parameter_name = "set_aside"

    def conditions(self, request: HttpRequest) -> Iterator[Choice]:
        yield "yes", "set aside", SET_ASIDE
        yield "alike", "like a colleague's but for upper and lower case", ALIKE_EMAILS
        yield "no", "none set aside", ~SET_ASIDE


class BreaksRuleFilter(ConditionFilter):
    """Contacts with a value that a rule would refuse: a choice for each rule not yet proved."""

    title = "breaks a rule"
    parameter_name = "breaks"

    def conditions(self, request: HttpRequest) -> Iterator[Choice]:
        rules = rules_for(request, Contact)
        any_rule = Q()
        for rule in rules:
            any_rule |= rule.broken
            yield rule.name, f"{rule.label}: {rule.text}", rule.broken
        if rules:
            yield "any", "any rule", any_rule
            yield "none", "no rule", ~any_rule

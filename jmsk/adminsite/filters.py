"""Filters whose choices are conditions, counted in one pass over the rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

Choice = tuple[str, str, Q]


class ConditionFilter(ABC, admin.SimpleListFilter):
    """A filter with a name, a label and a condition for each choice.

    An unknown name in the URL is refused as an incorrect lookup, not ignored: a list that silently
    shows everything would invite an action on everything.
    """

    @abstractmethod
    def conditions(self, request: HttpRequest) -> Iterable[Choice]:
        """Yield the choices."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.choices_by_name = {
            name: (label, condition) for name, label, condition in self.conditions(request)
        }
        return [(name, label) for name, (label, _) in self.choices_by_name.items()]

    def has_output(self) -> bool:
        """A name that is not known must be refused even where there is nothing to choose."""
        return bool(self.choices_by_name) or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        name = self.value()
        if name is None:
            return None
        if name not in self.choices_by_name:
            raise IncorrectLookupParameters(f"{self.parameter_name}={name}")
        return queryset.filter(self.choices_by_name[name][1])

    def get_facet_counts(self, pk_attname: str, filtered_qs: QuerySet) -> dict[str, Count]:
        return {
            f"{number}__c": Count(pk_attname, filter=condition)
            for number, (_, condition) in enumerate(self.choices_by_name.values())
        }

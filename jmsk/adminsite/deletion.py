"""What deleting a row would take along, leave behind, or be refused for.

Django's own look does not see it: to Django the foreign keys do nothing, the database decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from jmsk.adminsite.base import DatabaseRulesAdmin
from jmsk.wording import inflected


@dataclass(frozen=True)
class Dependants:
    """Rows that point at what is deleted.

    ``model`` is "app.Model", ``field`` its foreign key. ``told`` says what becomes of one of them,
    ``told_of_several`` of more, if in other words; ``block``: they forbid the deletion;
    ``cascade``: they are deleted too.
    """

    model: str
    field: str
    told: str
    told_of_several: str = ""
    block: bool = False
    cascade: bool = False


class DependantsMixin(DatabaseRulesAdmin):
    """Names the ``dependants`` on the page that confirms a deletion."""

    dependants: tuple[Dependants, ...] = ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Add the dependants, counted, to what Django found."""
        to_delete, counts, missing, protected = super().get_deleted_objects(objs, request)
        keys = [obj.pk for obj in objs]
        for dependants, number, text in self._found(request, keys):
            (protected if dependants.block else to_delete).append(text)
            if dependants.cascade:
                options = apps.get_model(dependants.model)._meta
                counts[str(options.verbose_name_plural)] = number
                codename = get_permission_codename("delete", options)
                if not request.user.has_perm(f"{options.app_label}.{codename}"):
                    missing.add(str(options.verbose_name))
        return to_delete, counts, missing, protected

    def _found(
        self, request: HttpRequest, keys: list[int]
    ) -> Iterator[tuple[Dependants, int, str]]:
        for dependants in self.dependants:
            model = apps.get_model(dependants.model)
            lookup = {f"{dependants.field}__in": keys}
            number = model._default_manager.filter(**lookup).count()
            if not number:
                continue
            one, several = model._meta.verbose_name, model._meta.verbose_name_plural
            text = inflected(
                number,
                f"{one} {dependants.told}",
                f"{several} {dependants.told_of_several or dependants.told}",
            )
            link = list_link(request, dependants.model, dependants.field, keys)
            if link is not None:
                text = format_html('{} (<a href="{}">list</a>)', text, link)
            yield dependants, number, text


def list_link(request: HttpRequest, model: str, field: str, keys: list[int]) -> str | None:
    """Return the URL of the list of ``model`` where ``field`` is one of ``keys``.

    None where the user may not view it, or nothing is listed there.
    """
    options = apps.get_model(model)._meta
    name = f"{options.app_label}.view_{options.model_name}"
    listed = options.model_name != "address"
    if not listed or len(keys) > 100 or not request.user.has_perm(name):
        return None
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return f"{url}?{urlencode({f'{field}__id__in': ','.join(map(str, keys))})}"

"""A list of many rows: what a row costs is paid for the rows of the page, not for all."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest


class PageFirstChangeList(ChangeList):
    """Finds out which rows make the page, then reads them with all that their columns need.

    Counts of dependent rows, rules and names of other tables would be computed for every row in
    front of the page as well.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        keys = list(self.result_list.values_list("pk", flat=True))
        page: Any = self.apply_select_related(self.root_queryset.filter(pk__in=keys))
        rows = {row.pk: row for row in page}
        self.result_list: Any = [rows[key] for key in keys if key in rows]

"""A list of many rows: what a row costs is paid for the rows of the page, not for all."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.http import HttpRequest


class LastPagePaginator(Paginator):
    """Gives the last page for one behind it: an action may have emptied the page it came from."""

    def page(self, number: Any) -> Page:
        return super().page(min(number, self.num_pages))


class PageFirstChangeList(ChangeList):
    """Finds out which rows make the page, then reads them with all that their columns need.

    Counts of dependent rows, rules and names of other tables would be computed for every row in
    front of the page as well.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.page_num = min(self.page_num, self.paginator.num_pages)
        keys = list(self.result_list.values_list("pk", flat=True))
        page: Any = self.apply_select_related(self.root_queryset.filter(pk__in=keys))
        rows = {row.pk: row for row in page}
        self.result_list: Any = [rows[key] for key in keys if key in rows]
        shown_by: Any = self.model_admin
        shown_by.complete(self.result_list)
        ticked = getattr(request, "ticked", ())
        for row in self.result_list:
            row.is_ticked = str(row.pk) in ticked

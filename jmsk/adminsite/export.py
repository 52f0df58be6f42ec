"""CSV of what a list shows: same rows, same columns, same order."""

import csv
import html
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from jmsk.adminsite.base import DatabaseRulesAdmin
from jmsk.wording import counted

logger = logging.getLogger("contacts.restructuring")

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
ROWS_AT_ONCE = 2000


def safe_cell(value: Any) -> Any:
    """Return ``value`` as a cell that no spreadsheet takes for a formula. Numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    text = html.unescape(strip_tags(value)) if isinstance(value, SafeString) else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


class ExportMixin(DatabaseRulesAdmin):
    """Adds the action "Export as CSV", for those with the permission ``export_<model>``."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may export the rows; asked again when the action runs."""
        return self.may(request, "export")

    @admin.action(description="Export as CSV", permissions=["export"])
    def export_as_csv(self, request: HttpRequest, queryset: QuerySet) -> StreamingHttpResponse:
        """Stream ``queryset`` as CSV, and record who took it."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        count = queryset.count()
        self._record(request, count)
        name = f"{self.opts.model_name}_{timezone.now():%Y%m%d_%H%M%S}.csv"
        return StreamingHttpResponse(
            self._lines(request, queryset),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            },
        )

    def _lines(self, request: HttpRequest, queryset: QuerySet) -> Iterator[str]:
        columns = ["pk", *(name for name in self.get_list_display(request) if name != "pk")]
        writer = csv.writer(_Echo())
        labels = ["ID", *(label_for_field(str(name), self.model, self) for name in columns[1:])]
        yield "\ufeff" + writer.writerow([safe_cell(str(label)) for label in labels])
        for row in queryset.iterator(chunk_size=ROWS_AT_ONCE):
            cells = [safe_cell(self._cell(str(name), row)) for name in columns]
            yield writer.writerow(cells)

    def _cell(self, name: str, row: Any) -> Any:
        if name == "pk":
            return row.pk
        field, _, value = lookup_field(name, row, self)
        if field is not None and getattr(field, "flatchoices", None):
            return dict(field.flatchoices).get(value, value)
        return value

    def _record(self, request: HttpRequest, count: int) -> None:
        filters = request.GET.urlencode() or "none"
        user: Any = request.user
        LogEntry.objects.create(
            user_id=user.pk,
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr="CSV export",
            action_flag=CHANGE,
            change_message=f"Exported {counted(count, 'row')} as CSV (filters: {filters}).",
        )
        logger.info(
            "user %s exported %s rows of %s (filters: %s)",
            user.pk,
            count,
            self.opts.db_table,
            filters,
        )

"""CSV of what a list shows: same rows, same columns, same order."""

import csv
import html
import io
import logging
import re
from datetime import datetime
from tempfile import TemporaryFile
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import label_for_field, lookup_field
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from jmsk.adminsite.base import DatabaseRulesAdmin
from jmsk.wording import counted

logger = logging.getLogger("contacts.restructuring")

FORMULA = re.compile(
    r"""
    (^(?=[\t\r\n]) | (?:^|[;\t\r\n])(?=[\s"']*[=+\-@＝＋－＠]))
    (?!\+\d[\d\ ()./-]*(?:[;\t\r\n]|\Z))
    """,  # noqa: RUF001
    re.VERBOSE,
)
"""Where a spreadsheet may see the start of a formula: in the beginning, and behind each semicolon,
tab or line break, which separate cells where the comma does not. A phone number is none: it names
no function and no cell."""
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
    return FORMULA.sub(r"\1'", text)


class ExportMixin(DatabaseRulesAdmin):
    """Adds the action "Export as CSV", for those with the permission ``export_<model>``."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may export the rows; asked again when the action runs."""
        return self.may(request, "export")

    @admin.action(description="Export as CSV", permissions=["export"])
    def export_as_csv(self, request: HttpRequest, queryset: QuerySet) -> FileResponse:
        """Send ``queryset`` as CSV, and record who took it.

        The file is whole before the first byte is sent: a stream would read on outside of the
        request's transaction, where a connection pool gives each read another session.
        """
        if not self.has_export_permission(request):
            raise PermissionDenied
        # It has no name that leads to it, and is gone when it has been sent.
        file = TemporaryFile()  # noqa: SIM115  # the response closes it
        try:
            count = self._write(request, queryset, file)
        except BaseException:
            file.close()
            raise
        self._record(request, count)
        return FileResponse(
            file,
            as_attachment=True,
            filename=f"{self.opts.model_name}_{timezone.now():%Y%m%d_%H%M%S}.csv",
            content_type="text/csv; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )

    def completed(self, queryset: QuerySet) -> QuerySet:
        """Return the rows with what :meth:`complete` tells those of a page."""
        return queryset

    def _write(self, request: HttpRequest, queryset: QuerySet, file: Any) -> int:
        """Write the rows to ``file``, ready to be read from its start; return how many."""
        columns = ["pk", *(name for name in self.get_list_display(request) if name != "pk")]
        labels = ["ID", *(label_for_field(str(name), self.model, self) for name in columns[1:])]
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        writer = csv.writer(text)
        writer.writerow([safe_cell(str(label)) for label in labels])
        count = 0
        whole = self.completed(queryset)
        for count, row in enumerate(whole.iterator(chunk_size=ROWS_AT_ONCE), 1):  # noqa: B007
            writer.writerow([safe_cell(self._cell(str(name), row)) for name in columns])
        text.detach()
        file.seek(0)
        return count

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

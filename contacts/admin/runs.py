"""The audit trail: every committed run, to be read and never written."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from contacts.admin.run_files import RunFilesMixin
from contacts.models import RestructuringRun
from jmsk.access.tenants import is_limited
from jmsk.adminsite.stage import recorded


def table(rows: Any) -> SafeString:
    """Return pairs of a name and a value as an HTML table."""
    body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows)
    return format_html('<div class="scrolls"><table>{}</table></div>', body)


@admin.register(RestructuringRun)
class RestructuringRunAdmin(RunFilesMixin):
    """Committed migrations, rollbacks and restores.

    Before the first there is no table, and nobody has a permission on it.
    """

    list_display = ("__str__", "kind", "operating_system_user", "database_user", "duration")
    list_filter = ("kind",)
    show_facets = admin.ShowFacets.ALWAYS
    ordering = ("-started_at", "-pk")
    fields = (
        "kind",
        "started_at",
        "finished_at",
        "duration",
        "operating_system_user",
        "database_user",
        "transaction_id",
        "told_report",
        "told_backup",
        "told_counts",
        "told_checks",
        "told_fingerprints",
        "told_durations",
        "created_companies",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["contacts/admin.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and self._may_see_all(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and self._may_see_all(request)

    def _may_see_all(self, request: HttpRequest) -> bool:
        """Return whether there is a trail, and the user sees the tenants of which it tells: all."""
        return recorded(request) and not is_limited(request)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the run. Django asks for it before it asks for the permission."""
        if not recorded(request):
            raise PermissionDenied
        return super().get_object(request, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="duration")
    def duration(self, run: RestructuringRun) -> str:
        if run.finished_at is None:
            return "-"
        return f"{(run.finished_at - run.started_at).total_seconds():.2f} s"

    @admin.display(description="counts")
    def told_counts(self, run: RestructuringRun) -> SafeString:
        return table((name.replace("_", " "), f"{value:,}") for name, value in run.counts.items())

    @admin.display(description="checks")
    def told_checks(self, run: RestructuringRun) -> SafeString:
        return table(
            (check.get("title", check.get("id", "")), _told_check(check)) for check in run.checks
        )

    @admin.display(description="fingerprints")
    def told_fingerprints(self, run: RestructuringRun) -> SafeString:
        return table(
            (f"{name}, {moment}", ", ".join(f"{key} {part}" for key, part in value.items()))
            for moment, tables in run.fingerprints.items()
            for name, value in tables.items()
        )

    @admin.display(description="seconds a step took")
    def told_durations(self, run: RestructuringRun) -> SafeString:
        return table(run.durations.items())


MARKS = {"passed": "✓", "warning": "!", "failed": "✗", "error": "✗"}


def _told_check(check: dict[str, Any]) -> SafeString:
    """Return the outcome, and of what was found the first, or else what was seen."""
    rows, count = check.get("rows") or (), check.get("count") or 0
    first = next(iter(rows), check.get("note"))
    more = f" (and {count - 1:,} more)" if rows and count > 1 else ""
    status = str(check.get("status") or "")
    outcome = format_html(
        '<span class="outcome {}"><span aria-hidden="true">{}</span> {}</span>',
        status,
        MARKS.get(status, ""),
        status,
    )
    return format_html("{}: {}{}", outcome, first, more) if first else outcome

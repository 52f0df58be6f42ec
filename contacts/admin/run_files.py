"""The files of a run, where the admin runs on the machine that wrote them: report and backup."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from contacts.models import RestructuringRun
from jmsk.adminsite.offered_filters import OfferedFiltersAdmin

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class RunFile:
    """A file that a page of the run shows: its name in the URL, the file, and its type."""

    name: str
    path: Path
    content_type: str


def files_of(run: RestructuringRun) -> list[RunFile]:
    """Return the run's reports and its backup's manifest, those that can be read here.

    A report bears the time at which the run began. It lies beside the backup, or, where there is
    none, in the usual folder.
    """
    backup = Path(run.backup_path) if run.backup_path else None
    folder = backup.parent if backup else settings.BASE_DIR / "backups"
    stem = f"migration_report_{run.started_at:%Y%m%d_%H%M%S}"
    found = [RunFile(file.name, file, "text/html") for file in sorted(folder.glob(f"{stem}*.html"))]
    if backup is not None:
        found.append(RunFile(MANIFEST, backup / MANIFEST, "application/json"))
    return [file for file in found if _is_readable(file.path)]


def _is_readable(file: Path) -> bool:
    try:
        with file.open("rb"):
            return True
    except OSError:
        return False


class RunFilesMixin(OfferedFiltersAdmin):
    """Adds links from a run to its files, and the pages behind them."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.file_view)
        name = "contacts_restructuringrun_file"
        return [path("<int:object_id>/file/<str:name>", page, name=name), *super().get_urls()]

    def file_view(self, request: HttpRequest, object_id: int, name: str) -> FileResponse:
        """Send a file of the run. The URL chooses among its files, and names no other."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_object(request, str(object_id))
        if run is None:
            raise Http404(f"There is no run {object_id}.")
        for file in files_of(run):
            if file.name == name:
                return _sent(file)
        raise Http404("The run has no such file, or it does not lie on this machine.")

    def _links(self, run: RestructuringRun, *, manifest: bool) -> SafeString:
        links = [
            (reverse("admin:contacts_restructuringrun_file", args=[run.pk, file.name]), file.name)
            for file in files_of(run)
            if (file.name == MANIFEST) == manifest
        ]
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    @admin.display(description="report")
    def told_report(self, run: Any) -> Any:
        return self._links(run, manifest=False) or "not on this machine, or not in its place"

    @admin.display(description="backup")
    def told_backup(self, run: Any) -> Any:
        if not run.backup_path:
            return "none was written"
        manifest = self._links(run, manifest=True) or "not on this machine, or not in its place"
        return format_html("{} ({})", run.backup_path, manifest)


def _sent(file: RunFile) -> FileResponse:
    """Return the file, kept from caches, and from running anything in the admin's name."""
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "sandbox"}
    return FileResponse(
        file.path.open("rb"), content_type=f"{file.content_type}; charset=utf-8", headers=headers
    )

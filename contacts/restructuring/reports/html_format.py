"""The report as one HTML file that opens from disk: no scripts, nothing fetched, all escaped."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from django.template import Context, Engine, Template
from django.utils.safestring import mark_safe

from contacts.restructuring.console.terminal import printable
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.reports.admin_links import admin_links
from contacts.restructuring.reports.drawings import flows, time_bar, window
from contacts.restructuring.reports.next_steps import is_left, next_steps
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.results import MARKS
from contacts.restructuring.reports.runbook import runbook

TEMPLATES = Path(__file__).parent / "templates"


def report_html(report: Report) -> str:
    """Return the report as an HTML document.

    Its policy allows the one style sheet in it, known by its hash, and nothing else.
    """
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    links = admin_links()
    context = {
        "report": report,
        "style": mark_safe(style),  # noqa: S308  # our own file; its hash is the policy
        "style_hash": _hash(style),
        "next": next_steps(report),
        "checks": (
            ("Checks before", "before", [(MARKS[item.status], item) for item in report.before]),
            ("Checks after", "after", [(MARKS[item.status], item) for item in report.after]),
        ),
        "flows": flows(report),
        "bar": time_bar(report),
        "window": window(report),
        "left": is_left(report),
        "speaks_of_left": _speaks_of_left(report),
        "companies": [
            (company, links.placed(company.tenant_id), links.without_contact(company.tenant_id))
            for company in report.default_companies
        ],
        "set_aside": links.set_aside,
        "rules": [
            (rule, rows, links.breaking(rule)) for rule, rows in report.pending_rules.items()
        ],
        "unchanged": report.fingerprints_before == report.fingerprints_after,
        "runbook": runbook(report),
    }
    # Spelled in the document as a whole: whatever is told, no character turns it round.
    return printable(_template().render(Context(context, use_l10n=False)))


def _speaks_of_left(report: Report) -> bool:
    """Whether it says so, too, where nothing is left: of what is, or would be, migrated."""
    return report.succeeded and (report.stage is Stage.MIGRATED or report.mode == "rehearsal")


@cache
def _template() -> Template:
    """An engine of its own: the project's settings must not turn the escaping off."""
    engine = Engine(
        dirs=[str(TEMPLATES)],
        autoescape=True,
        libraries={"report": "contacts.restructuring.reports.template_filters"},
    )
    return engine.get_template("report.html")


def _hash(style: str) -> str:
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"

"""The last screen of a change: what happened, in a few lines."""

from contacts.restructuring.console.lines import Line
from contacts.restructuring.database.tables import NAMES
from contacts.restructuring.reports.report import Report
from contacts.restructuring.reports.text_format import unsettled_lines
from jmsk.wording import counted

DONE = {
    "companies_created": "default companies created",
    "placeholder_contacts": "placeholder contacts created",
    "contacts_placed": "contacts placed in a default company",
    "orders_without_contact": "orders without a contact in a default company",
    "emails_set_aside": "e-mails set aside as duplicates",
}
"""What a migration does beside renaming, by the name of its count."""
RESTORED = ("deleted", "changed", "added")
"""What a restore does to the rows of a table, by the ending of its count."""


def summary_lines(report: Report) -> list[Line]:
    """Return what a call did: rows, what was made of them, the lock-out, and what is left."""
    counts = report.counts
    lines = [
        Line(f"  {table}: {counted(counts[table], 'row')}{_restored(table, counts)}")
        for table in NAMES
        if table in counts
    ]
    if "companies_created" in counts:  # of a migration; others count what is left of it
        done = {told: counts[name] for name, told in DONE.items() if name in counts}
        lines += [Line(f"  {told}: {number:,}") for told, number in done.items()]
    if report.locks:
        lines.append(Line(f"  readers and writers locked out: {report.locked_seconds:.2f} s"))
    left = unsettled_lines(report)
    if left:
        lines += [Line("  left to settle:"), *(_deeper(line) for line in left)]
    return lines


def _restored(table: str, counts: dict[str, int]) -> str:
    done = {what: counts.get(f"{table}_{what}", 0) for what in RESTORED}
    told = ", ".join(f"{number:,} {what}" for what, number in done.items() if number)
    return f" ({told})" if told else ""


def _deeper(line: Line) -> Line:
    return Line(f"  {line.text}", line.style, line.level, line.verbatim)

"""``--enforce-rules``: add the check rules that waited for rows to be put right."""

from collections.abc import Sequence

from contacts.restructuring.changes.enforce import PendingRule, enforce_rules, find_pending
from contacts.restructuring.checks.base import Finding
from contacts.restructuring.console.lines import Line
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.operation import Operation
from jmsk.wording import counted


def enforce(operation: Operation) -> None:
    """Name the pending rules, ask, add those that no row breaks any more, and sum up."""
    operation.say_database()
    steps.section(operation, "PENDING CHECK RULES")
    connection, layout = operation.connection, operation.layout
    patience, journal = operation.options.patience, operation.journal
    pending = find_pending(connection, layout, patience, journal)
    if not pending:
        operation.nothing_to_do("No rule is pending: nothing to do.")
        return
    for item in pending:
        operation.say(*_lines(item.rule.name, item.broken))
    if any(not item.broken.count for item in pending):
        _confirm(operation, pending)
        steps.section(operation, "ENFORCING CHECK RULES")
    outcomes = enforce_rules(
        connection, layout, pending, patience, operation.report.started, journal
    )
    waiting = {item.rule: item.finding.count for item in outcomes if item.finding.count}
    known = {item.rule.name: item.broken for item in pending}
    for outcome in outcomes:  # rows may have come while the question was open
        if outcome.finding != known[outcome.rule]:
            operation.say(*_lines(outcome.rule, outcome.finding))
    added = [item.rule for item in outcomes if not item.finding.count]
    operation.say(*(Line(f"✓ {rule} is enforced now", "SUCCESS") for rule in added))
    operation.report.waiting_rules = waiting
    steps.section(operation, "WHAT HAPPENED")
    operation.say_database()
    operation.say(
        *(Line(f"  {rule}: waits for {counted(count, 'row')}") for rule, count in waiting.items())
    )
    operation.nothing_to_do(
        f"Rules added: {len(added)}. Rules that still wait for rows: {len(waiting)}."
    )


def _confirm(operation: Operation, pending: Sequence[PendingRule]) -> None:
    steps.section(operation, "READY TO ENFORCE")
    operation.say_database()
    consequences = [
        f"{item.rule.name} is added to {item.model._meta.db_table}, whose readers and writers wait "
        "until every row is read"
        for item in pending
        if not item.broken.count
    ]
    steps.confirm(operation, [*consequences, "no row changes"])


def _lines(rule: str, finding: Finding) -> list[Line]:
    if not finding.count:
        return [Line(f"✓ {rule}: no row breaks it any more", "SUCCESS")]
    return [
        Line(f"⚠ {rule} still waits for {counted(finding.count, 'row')}", "WARNING"),
        *(Line(f"    - {sentence}") for sentence in finding.told),
        Line(f"    All of them: {finding.query};", verbatim=True),
    ]

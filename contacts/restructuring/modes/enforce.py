"""``--enforce-rules``: add the check rules that waited for rows to be put right."""

from contacts.restructuring.changes.enforce import RuleOutcome, enforce_rules
from contacts.restructuring.console.lines import Line
from contacts.restructuring.modes import steps
from contacts.restructuring.modes.operation import Operation
from jmsk.wording import counted


def enforce(operation: Operation) -> None:
    """Add each pending rule that no row breaks any more; say which rows the others wait for."""
    steps.section(operation, "ENFORCING CHECK RULES")
    outcomes = enforce_rules(
        operation.connection, operation.layout, operation.options.patience, operation.journal
    )
    if not outcomes:
        operation.nothing_to_do("No rule is pending: nothing to do.")
        return
    waiting = {item.rule: item.finding.count for item in outcomes if item.finding.count}
    enforced = len(outcomes) - len(waiting)
    operation.report.waiting_rules = waiting
    operation.report.outcome = f"Rules added: {enforced}. Still waiting for rows: {len(waiting):,}."
    for outcome in outcomes:
        operation.say(*_lines(outcome))


def _lines(outcome: RuleOutcome) -> list[Line]:
    finding = outcome.finding
    if not finding.count:
        return [Line(f"✓ {outcome.rule} is enforced now", "SUCCESS")]
    waiting = f"⚠ {outcome.rule} still waits for {counted(finding.count, 'row')}"
    return [
        Line(waiting, "WARNING"),
        *(Line(f"    - {sentence}") for sentence in finding.sentences),
        Line(f"    All of them: {finding.query};", verbatim=True),
    ]

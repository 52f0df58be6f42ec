"""What people decide while they settle, and what undoing it takes.

These tables belong to the project alone. They name rows of the application's tables by their ids,
without a foreign key: nothing that another program writes is slower or refused because of them.
"""

from django.db import models


class NoContactWanted(models.Model):
    """An order of a walk-in: somebody has decided that it needs no contact."""

    order_id = models.IntegerField(primary_key=True)
    user_id = models.IntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"order {self.order_id}"


class Action(models.Model):
    """What one person did at once, so that it can be undone."""

    class Kind(models.TextChoices):
        REASSIGN = "reassign", "reassigned contacts"
        LINK = "link", "linked orders"
        NO_CONTACT = "no contact", "marked orders"
        MERGE = "merge", "merged contacts"

    kind = models.CharField(max_length=20, choices=Kind)
    user_id = models.IntegerField()
    at = models.DateTimeField(auto_now_add=True)
    told = models.TextField(help_text="What was done, as the person was told.")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["user_id", "at"], name="ix_settling_action_user")]

    def __str__(self) -> str:
        return self.told


class ActionRow(models.Model):
    """A row that an action wrote. ``tenant_id`` is None for what belongs to none, as history.

    ``before`` holds the columns that it wrote as they were, None where it made the row; ``after``
    is the digest of the row as it left it, None where it deleted the row.
    """

    action = models.ForeignKey(Action, models.CASCADE, related_name="rows")
    table = models.CharField(max_length=63)
    row_id = models.IntegerField()
    tenant_id = models.IntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.CharField(max_length=32, null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["table", "row_id"], name="ix_settling_actionrow_row")]

    def __str__(self) -> str:
        return f"{self.table} {self.row_id}"

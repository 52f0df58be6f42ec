"""Which user sees which tenants."""

from django.contrib.auth.models import User
from django.db import models


class UserTenant(models.Model):
    """A tenant that a user sees. A user for whom none is listed sees all.

    ``tenant_id`` is no foreign key: where a tenant is deleted, who was limited to it alone is to
    see nothing afterwards, not everything.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    tenant_id = models.IntegerField()

    class Meta:
        db_table = "auth_user_tenants"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user", "tenant_id"], name="auth_user_tenants_user_id_tenant_id_uniq"
            )
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} sees tenant {self.tenant_id}"

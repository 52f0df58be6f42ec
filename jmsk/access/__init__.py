"""Which tenants a member of staff sees: a table, and the one place that leaves out the rest."""

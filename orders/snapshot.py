"""Who ordered, as it was then: three columns that another program may have dropped since."""

from collections.abc import Collection

COLUMNS = ("customer_name", "customer_email", "customer_phone")


def snapshot_gone(present: Collection[str]) -> str:
    """Say what is missing of the snapshot in an orders table with the columns ``present``.

    '' where nothing is.
    """
    gone = [name for name in COLUMNS if name not in present]
    if not gone:
        return ""
    add = ", ".join(f"ADD {name} varchar" for name in gone)
    return (
        f"Another program has dropped {', '.join(gone)} of orders, which record who ordered: add "
        f"them again (ALTER TABLE orders {add}), empty or filled from a backup"
    )

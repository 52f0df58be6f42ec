"""Names of companies that a person would take for one another."""

import unicodedata

from companies.models import Company


def folded(name: str) -> str:
    """Return a name without accents, upper case and superfluous blanks."""
    decomposed = unicodedata.normalize("NFKD", name)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(bare.casefold().split())


def companies_alike(tenant: int, name: str) -> list[Company]:
    """Return the tenant's companies whose names differ from ``name`` in case or accents at most."""
    wanted = folded(name)
    names = Company.objects.filter(tenant_id=tenant).order_by("pk").values_list("pk", "name")
    found = [pk for pk, known in names if folded(known) == wanted]
    return list(Company.objects.filter(pk__in=found).order_by("name", "pk")) if found else []

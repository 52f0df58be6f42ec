"""What a restructured row says in the legacy schema's terms, as SQL: written once for all."""

DEFAULT_COMPANY = "Default Company"
"""The company of a tenant that takes in what has none."""

EMAIL = "coalesce(email, email_set_aside)"
"""The e-mail that a contact had as a customer, unless it has been given another one since."""

CUSTOMER_NAME = "coalesce(customer_name, (SELECT c.name FROM contacts c WHERE c.id = contact_id))"
"""The name on an order: its contact's, where it was left out."""

STILL_PLACED = "company_id = placed_in_company_id"
"""Whether a contact is where the restructuring placed it, so that the customer has no company."""

COMPANY = "nullif(company_id, placed_in_company_id)"
"""The company of a contact as that of a customer."""

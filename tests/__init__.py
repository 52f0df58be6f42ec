"""The tests: pytest, on a real PostgreSQL (see conftest.py and databases.py)."""

"""What DATABASE_URL may say, and that no refusal repeats the password."""

from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from jmsk.database_url import parse_database_url

USUAL_OPTIONS = {
    "application_name": "jmsk",
    "connect_timeout": "15",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


def read(url: str) -> dict[str, Any]:
    """Return the settings less the engine, which never differs."""
    settings = parse_database_url(url)
    assert settings.pop("ENGINE") == "django.db.backends.postgresql"
    return settings


@pytest.mark.parametrize(
    "scheme",
    [
        "postgresql",
        "postgres",
        "POSTGRESQL",
        "postgresql+psycopg2",
        "postgresql+asyncpg",
        "postgresql+pg8000",
    ],
)
def test_every_postgresql_spelling_leads_to_the_same_database(scheme: str) -> None:
    assert read(f"{scheme}://app:pw@db.example:6432/shop") == {
        "NAME": "shop",
        "USER": "app",
        "PASSWORD": "pw",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": USUAL_OPTIONS,
    }


@pytest.mark.parametrize(
    ("given_value", "sslmode"),
    [
        ("ssl=require", "require"),
        ("ssl=true", "require"),
        ("ssl=False", "disable"),
        ("ssl=verify-full", "verify-full"),
        ("sslmode=verify-ca", "verify-ca"),
    ],
)
def test_asyncpgs_ssl_is_read_as_sslmode(given_value: str, sslmode: str) -> None:
    settings = read(f"postgresql+asyncpg://u@h/d?{given_value}")
    assert settings["OPTIONS"]["sslmode"] == sslmode
    assert "ssl" not in settings["OPTIONS"]


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://h/d", "h", ""),
        ("postgresql:///d", "", ""),
        ("postgresql://[::1]:5433/d", "::1", "5433"),
        ("postgresql://one:1,two:2/d", "one,two", "1,2"),
        ("postgresql://one,two/d", "one,two", ""),
        ("postgresql:///d?host=one:1&host=two:2", "one,two", "1,2"),
        ("postgresql:///d?host=/run/pg&port=5433", "/run/pg", "5433"),
        ("postgresql://%2Frun%2Fpg/d", "/run/pg", ""),
    ],
)
def test_hosts_ports_and_sockets(url: str, host: str, port: str) -> None:
    settings = read(url)
    assert (settings["HOST"], settings["PORT"]) == (host, port)


@given(password=st.text(min_size=1, max_size=30), name=st.text("ab/ %é", min_size=1, max_size=9))
def test_anything_percent_encoded_comes_back(password: str, name: str) -> None:
    settings = read(f"postgresql://u:{quote(password, safe='')}@h/{quote(name, safe='')}")
    assert (settings["PASSWORD"], settings["NAME"]) == (password, name)


def test_a_password_may_hold_unquoted_delimiters() -> None:
    assert read("postgresql://u:a/b#c?d:e%zz@h/d")["PASSWORD"] == "a/b#c?d:e%zz"


def test_libpqs_own_parameters_are_kept() -> None:
    options = read("postgresql://u@h/d?options=-c%20work_mem%3D8MB&timeout=3")["OPTIONS"]
    assert options["options"] == "-c work_mem=8MB"
    assert options["connect_timeout"] == "3"


def test_the_application_name_can_be_chosen() -> None:
    options = read("postgresql://h/d?application_name=nightly")["OPTIONS"]
    assert options == {**USUAL_OPTIONS, "application_name": "nightly"}


def test_parameters_that_only_steer_a_sqlalchemy_driver_are_left_out() -> None:
    url = "postgresql+asyncpg://h/d?prepared_statement_cache_size=0&async_fallback=true"
    assert read(url)["OPTIONS"] == USUAL_OPTIONS


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("s3cret", "cannot be read"),
        ("mysql://u:s3cret@h/d", "'mysql'"),
        ("sqlite:///s3cret.db", "'sqlite'"),
        ("postgresql://u:s3cret@h", "names no database"),
        ("postgresql://u:s3cret@h/", "names no database"),
        ("postgresql://u:half@s3cret@h/d", "host and port"),
        ("postgresql://u:x@h:s3cret/d", "host and port"),
        ("postgresql://u:x@h/d?unheard_of=s3cret", "'unheard_of'"),
    ],
)
def test_anything_else_is_refused_without_its_secrets(url: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=reason) as refusal:
        parse_database_url(url)
    assert "s3cret" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None

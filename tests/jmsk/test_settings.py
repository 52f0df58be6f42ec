"""The settings are safe by default, and clean where the environment is a production's."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.project import PROJECT

OURS = ("DATABASE_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS")
NAMES = (
    "DEBUG",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "DATABASES",
    "TIME_ZONE",
    "USE_TZ",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "ADMIN_STATEMENT_TIMEOUT",
)
SECURE = NAMES[6:-1]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, whose environment says only what is named."""
    environment = {key: value for key, value in os.environ.items() if key not in OURS}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def settings(**variables: str) -> dict[str, Any]:
    """Return what the settings say under an environment."""
    code = (
        "import json; from jmsk import settings; "
        f"print(json.dumps({{name: getattr(settings, name) for name in {NAMES!r}}}))"
    )
    done = run("-c", code, **variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_log_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    done = run("manage.py", "migrate_contacts", "--help", LOG_LEVEL="loud")
    assert done.returncode == 1
    assert "Configuration error: LOG_LEVEL is 'LOUD'" in done.stderr
    assert "WARNING" in done.stderr


def test_an_empty_environment_is_safe() -> None:
    found = settings()
    assert found["DEBUG"] is False
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert found["DATABASES"]["default"]["ENGINE"] == "jmsk.embedded"
    assert (found["TIME_ZONE"], found["USE_TZ"]) == ("UTC", True)
    assert all(found[name] for name in SECURE)


def test_a_process_without_a_key_makes_up_one_of_its_own() -> None:
    keys = {settings()["SECRET_KEY"], settings(SECRET_KEY="")["SECRET_KEY"]}
    assert len(keys) == 2
    assert all(len(key) >= 50 for key in keys)


def test_a_key_may_begin_with_a_dollar_sign() -> None:
    assert settings(SECRET_KEY="$abc$def")["SECRET_KEY"] == "$abc$def"


def test_under_debug_runserver_works_over_plain_http() -> None:
    found = settings(DEBUG="true")
    assert found["DEBUG"] is True
    assert not any(found[name] for name in SECURE)


def test_hsts_may_leave_out_subdomains_and_the_preload_list() -> None:
    found = settings(HSTS_INCLUDE_SUBDOMAINS="false", HSTS_PRELOAD="false")
    assert found["SECURE_HSTS_SECONDS"] == 365 * 24 * 3600
    assert not found["SECURE_HSTS_INCLUDE_SUBDOMAINS"]
    assert not found["SECURE_HSTS_PRELOAD"]


def test_a_statement_of_the_admin_may_take_30_seconds_or_what_the_environment_says() -> None:
    assert settings()["ADMIN_STATEMENT_TIMEOUT"] == 30
    assert settings(ADMIN_STATEMENT_TIMEOUT="5")["ADMIN_STATEMENT_TIMEOUT"] == 5


@pytest.mark.parametrize("seconds", ["soon", "-1", "99999999", "1.5"])
def test_a_time_limit_that_is_none_is_refused_in_words(seconds: str) -> None:
    done = run("manage.py", "check", ADMIN_STATEMENT_TIMEOUT=seconds)
    assert done.returncode == 1
    assert f"ADMIN_STATEMENT_TIMEOUT is {seconds!r}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_names_database_and_hosts() -> None:
    found = settings(
        DATABASE_URL="postgresql+asyncpg://app:pw@db:5433/shop?ssl=require",
        ALLOWED_HOSTS="a.example,b.example",
    )
    default = found["DATABASES"]["default"]
    assert default["ENGINE"] == "django.db.backends.postgresql"
    assert (default["NAME"], default["HOST"], default["PORT"]) == ("shop", "db", "5433")
    assert default["OPTIONS"]["sslmode"] == "require"
    assert found["ALLOWED_HOSTS"] == ["a.example", "b.example"]


def test_check_deploy_is_clean_in_production() -> None:
    done = run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        SECRET_KEY="q7-0fW!m4zK_2vLxT9-uYhR5dNsC8bGpJ1aQeXoI3kMtZrVw-only-for-this-test",
        ALLOWED_HOSTS="contacts.example",
        DATABASE_URL="postgresql://app:pw@db.example/shop",
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("command", ["check", "migrate", "runserver"])
def test_a_database_that_is_not_postgresql_is_refused_without_a_traceback(command: str) -> None:
    done = run("manage.py", command, DATABASE_URL="mysql://app:s3cret@db/shop")
    assert done.returncode == 1
    assert "PostgreSQL only" in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr + done.stdout

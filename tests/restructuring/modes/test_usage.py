"""How a call ends that is wrong, or that finds no database: its code, and its streams."""

from pathlib import Path

import pytest

from contacts.restructuring.modes.mode import MODES
from tests.cases.legacy_rows import ROWS
from tests.support.database.databases import Database
from tests.support.runs.command import run, run_child


def test_results_go_to_standard_output_and_errors_to_standard_error(legacy: Database) -> None:
    legacy.execute(f"{ROWS}; UPDATE orders SET customer_id = 12 WHERE id = 21")

    done = run_child(legacy, "--dry-run")

    assert done.code == 1
    assert "Order 21 (tenant 1) has customer 12 (tenant 2)" in done.out
    assert done.error.startswith(
        "CommandError: [MC301] Validation failed: Order-customer relationship"
    )
    assert "Validation failed" not in done.out
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--no-such-option",),
        ("--dry-run", "--verify-only"),
        ("--lock-timeout", "soon"),
        ("--lock-timeout", "0"),
        ("--database", "other"),
        ("surplus",),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused_before_anything_is_opened(
    server: object, arguments: tuple[str, ...]
) -> None:
    assert run(*arguments).error.startswith("CommandError: Error: ")


def test_stamp_is_refused_where_nothing_would_be_stamped(legacy: Database) -> None:
    done = run("--verify-only", "--alembic-stamp", "003_elsewhere")

    assert done.code == 2
    assert "--alembic-stamp goes with the migration, its rehearsal and --dry-run only" in done.error


@pytest.mark.parametrize("mode", [mode.flag for mode in MODES if mode.name != "preparation"])
def test_placing_early_goes_with_the_preparation_only(tmp_path: Path, mode: str) -> None:
    taken = {"--restore": [str(tmp_path)], "--prune-backups": ["1"]}.get(mode, [])
    done = run(*([mode] if mode else []), *taken, "--place-early")

    assert done.code == 2
    assert "--place-early goes with --prepare only" in done.error


def test_wrong_usage_ends_with_2() -> None:
    done = run_child("postgresql://nobody@127.0.0.1:1/x", "--lock-timeout", "soon")

    assert done.code == 2
    assert "'soon' is not a number of seconds" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("--rehearsal", "--rehearse"),
        ("--rolback", "--rollback"),
        ("--enforce_rules", "--enforce-rules"),
        ("--backupdir=x", "--backup-dir"),
        ("rollback", "--rollback"),
        ("--VERIFY-ONLY", "--verify-only"),
    ],
)
def test_a_wrong_option_suggests_the_right_one(wrong: str, right: str) -> None:
    done = run_child("postgresql://nobody@127.0.0.1:1/x", wrong)

    assert done.code == 2
    assert done.err.splitlines() == [
        "usage: manage.py migrate_contacts [MODE] [OPTION ...]    (--help lists them)",
        f"manage.py migrate_contacts: error: unrecognized arguments: {wrong} "
        f"(did you mean {right}?)",
    ]


def test_what_is_like_no_option_gets_no_suggestion() -> None:
    done = run_child("postgresql://nobody@127.0.0.1:1/x", "--quux")

    assert done.code == 2
    assert "did you mean" not in done.err


def test_a_database_that_is_not_there_is_named_with_how_to_make_it(empty: Database) -> None:
    missing = f"{empty.name}_missing"
    url = empty.url.replace(empty.name, missing)

    done = run_child(url, "--dry-run")

    assert done.code == 1
    assert done.error.startswith(
        f"CommandError: [MC111] The server has no database named {missing}. Nothing was changed."
    )
    assert "make the database with 'manage.py create_database'" in done.error


def test_a_wrong_folder_lists_the_backups_there_are(sample: Database, tmp_path: Path) -> None:
    wrong = ("--restore", str(tmp_path / "migration_1"), "--noinput", "--backup-dir", str(tmp_path))

    none = run(*wrong)
    assert none.code == 1
    assert none.error.endswith(f"There is no backup in {tmp_path}.")

    assert run("--noinput", "--backup-dir", str(tmp_path)).code == 0
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    told = run(*wrong).error
    assert "[MC405] There is no backup folder" in told
    assert f"The newest backups in {tmp_path}:\n  {backup}: legacy, 781 rows, of {sample.name}" in (
        told
    )


def test_unreachable_server_is_named_without_the_password() -> None:
    done = run_child("postgresql://shop:hunter2@127.0.0.1:1/x", "--dry-run")

    assert done.code == 1
    assert "The database cannot be reached (" in done.error
    assert "TCP/IP connections?). Nothing was changed." in done.error
    assert "?." not in done.error
    assert "127.0.0.1" in done.error
    assert "Nothing was changed. Check DATABASE_URL" in done.error
    assert "hunter2" not in done.output
    assert "Traceback" not in done.output


def test_a_socket_that_is_not_there_is_told_in_sentences(tmp_path: Path) -> None:
    done = run_child(f"postgresql://shop@/x?host={tmp_path}", "--dry-run")

    assert done.code == 1
    assert "No such file or directory. Is the server running locally" in done.error
    assert "connections on that socket?). Nothing was changed." in done.error

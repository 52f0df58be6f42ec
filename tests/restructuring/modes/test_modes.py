"""What each mode does at each stage, and how a call ends: its code, its streams, its files."""

import signal
import stat
from pathlib import Path

import pytest

from contacts.restructuring.modes.mode import MODES
from tests.cases.legacy_rows import ORPHAN, ROWS
from tests.cases.stages import STAGES
from tests.support.database.databases import Database
from tests.support.runs.command import assert_migrates, migrate, run, run_child, start

FULL = "(full run)"
QUESTION = "Proceed with migration? (yes/no): "
END_OF_INPUT = "\x04"
"""What Ctrl-D sends."""
ENDS = {
    FULL: {
        "legacy": (0, "MIGRATION COMPLETED SUCCESSFULLY"),
        "prepared": (1, "--prepare': it goes on from there"),
        "migrated": (0, "already migrated: nothing to do"),
        "partial": (1, "run 'manage.py migrate_contacts --recover'"),
        "empty": (1, "Check DATABASE_URL"),
        "unknown": (1, "orders has a column contact_id already"),
    },
    "--dry-run": {
        "legacy": (0, "Dry run: nothing was changed"),
        "prepared": (0, "Next step: install"),
        "migrated": (0, "already migrated: nothing to do"),
        "partial": (1, "run 'manage.py migrate_contacts --recover'"),
        "empty": (1, "none of the tables"),
        "unknown": (1, "orders has a column contact_id already"),
    },
    "--verify-only": {
        "legacy": (1, "is legacy, not migrated"),
        "prepared": (1, "is prepared, not migrated"),
        "migrated": (0, "POST-MIGRATION VERIFICATION PASSED"),
        "partial": (1, "is partial, not migrated"),
        "empty": (1, "is empty, not migrated"),
        "unknown": (1, "is unknown, not migrated"),
    },
    "--enforce-rules": {
        "legacy": (1, "is legacy, not migrated"),
        "prepared": (1, "is prepared, not migrated"),
        "migrated": (0, "No rule is pending: nothing to do"),
        "partial": (1, "is partial, not migrated"),
        "empty": (1, "is empty, not migrated"),
        "unknown": (1, "is unknown, not migrated"),
    },
    "--status": {
        "legacy": (0, "migrate_contacts --dry-run: see what would be migrated"),
        "prepared": (0, "Next step: install"),
        "migrated": (0, "migrate_contacts --verify-only: check all of it"),
        "partial": (0, "run 'manage.py migrate_contacts --recover'"),
        "empty": (0, "Check DATABASE_URL"),
        "unknown": (0, "orders has a column contact_id already"),
    },
    "--abandon": {
        "legacy": (0, "The database is legacy, not prepared: nothing to abandon."),
        "migrated": (0, "The database is migrated, not prepared: nothing to abandon."),
        "partial": (0, "The database is partial, not prepared: nothing to abandon."),
        "empty": (0, "The database is empty, not prepared: nothing to abandon."),
        "unknown": (1, "is unknown, not prepared"),
    },
    "--prepare": {
        "migrated": (0, "already migrated: nothing to do"),
        "partial": (1, "run 'manage.py migrate_contacts --recover'"),
        "empty": (1, "Check DATABASE_URL"),
        "unknown": (1, "orders has a column contact_id already"),
    },
    "--rollback": {"prepared": (1, "--abandon takes it away")},
    "--recover": {"prepared": (1, "--abandon takes it away")},
    "--rehearse": {"prepared": (1, "it goes on from there")},
}
"""Mode and stage: the exit code, and what is said."""
TABLE = [(mode, stage) for mode, stages in ENDS.items() for stage in stages]


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("mode", "stage"), TABLE)
def test_mode_at_stage(
    request: pytest.FixtureRequest, tmp_path: Path, mode: str, stage: str
) -> None:
    fixture, statements = STAGES[stage]
    database: Database = request.getfixturevalue(fixture)
    database.execute(statements)
    before = database.dump()
    code, told = ENDS[mode][stage]

    done = run(*([] if mode == FULL else [mode]), "--noinput", "--backup-dir", str(tmp_path))

    assert done.code == code, done
    assert told in done.out + done.error
    if (mode, stage) != (FULL, "legacy"):
        assert database.dump() == before
    if code == 1:
        assert "Nothing was changed" in done.error
    if mode in ("--dry-run", "--status", "--abandon") or code == 1:
        assert list(tmp_path.iterdir()) == []


# --- the question -------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--noinput", "--no-input"])
def test_the_question_can_be_answered_beforehand(
    legacy: Database, tmp_path: Path, flag: str
) -> None:
    done = run(flag, "--skip-backup", "--backup-dir", str(tmp_path))

    assert (done.code, "Proceed with" in done.out) == (0, False)


def test_without_a_terminal_the_run_refuses(legacy: Database, tmp_path: Path) -> None:
    before = legacy.dump()

    done = run_child(legacy, "--backup-dir", str(tmp_path))

    assert done.code == 1
    assert "There is no terminal to ask on. Nothing was changed. Run with --noinput" in done.err
    assert "BACKUP" not in done.out
    assert legacy.dump() == before


YES, NO = ("y", "Y", "yes", "YES", " Yes "), ("n", "N", "no", "No", END_OF_INPUT)


@pytest.mark.parametrize(("answer", "code"), [*((yes, 0) for yes in YES), *((no, 1) for no in NO)])
def test_the_question_on_a_terminal(
    legacy: Database, tmp_path: Path, answer: str, code: int
) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}")
    before = legacy.dump()
    arguments = ("--skip-backup", "--backup-dir", str(tmp_path))

    with start(legacy, *arguments, terminal=True) as begun:
        begun.wait_for("Proceed with migration? (yes/no): ")
        shown = begun.said()
        begun.answer(answer)
        done = begun.end()

    assert done.code == code
    for part in (
        f"Database: {legacy.name} on ",
        "customers is renamed to contacts",
        "customers: 3 rows",
        "1 customer and 0 orders go to a new Default Company",
        "Backup: none",
    ):
        assert part in shown
    if code == 1:
        assert done.error == "Stopped: [MC108] Declined. Nothing was changed."
        assert legacy.dump() == before


def test_who_declines_is_told_that_the_backup_stays(legacy: Database, tmp_path: Path) -> None:
    with start(legacy, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for("Proceed with migration? (yes/no): ")
        begun.answer("no")
        done = begun.end()

    (backup,) = tmp_path.glob("migration_2*")
    assert done.error == (
        "Stopped: [MC108] Declined. Nothing was changed. The backup that was written before "
        f"stays in {backup}. For an hour the next run uses it, if nothing has changed."
    )


def test_what_is_neither_yes_nor_no_is_asked_again(legacy: Database, tmp_path: Path) -> None:
    asked = QUESTION
    with start(legacy, "--skip-backup", "--backup-dir", str(tmp_path), terminal=True) as begun:
        for nonsense in ("", "yess", "ja", "yes no", "\x1b[A"):
            begun.wait_for(asked)
            begun.answer(nonsense)
            asked += f"Please answer yes or no.\n{QUESTION}"
        begun.wait_for(asked)
        begun.answer("yes")
        assert begun.end().code == 0


def test_an_interrupt_at_the_question_is_a_no(legacy: Database, tmp_path: Path) -> None:
    before = legacy.dump()
    with start(legacy, "--backup-dir", str(tmp_path), terminal=True) as begun:
        begun.wait_for(QUESTION)
        begun.send(signal.SIGINT)
        done = begun.end()

    assert done.code == 130
    assert "Interrupted before anything was changed" in done.error
    assert "For an hour the next run uses it" in done.error
    assert legacy.dump() == before


# --- streams, usage, connection -----------------------------------------------------------------


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


# --- files --------------------------------------------------------------------------------------


def test_backup_and_report_lie_where_asked_and_are_private(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(ROWS)
    folder = tmp_path / "deep" / "backups"

    done = run("--noinput", "--backup-dir", str(folder))

    assert done.code == 0, done
    (backup,) = [path for path in folder.iterdir() if path.is_dir()]
    (report,) = folder.glob("migration_report_*.txt")
    assert f"The backup lies in {backup}" in done.out
    assert f"{report}" in done.out
    assert {permissions(path) for path in (folder, backup)} == {0o700}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {permissions(path) for path in files} == {0o600}
    assert legacy.value("SELECT backup_path FROM contacts_restructuringrun") == str(backup)


def test_run_without_a_backup_warns(legacy: Database, tmp_path: Path) -> None:
    done = migrate(tmp_path)

    assert "⚠ No backup is written (--skip-backup)." in done.out
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_report_has_everything_but_the_password(legacy: Database, tmp_path: Path) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}")
    user = legacy.settings["USER"]
    secret = legacy.settings["PASSWORD"] or "hunter2"
    url = legacy.url.replace(f"//{user}@", f"//{user}:{secret}@")

    done = run_child(url, "--noinput", "--skip-backup", "--backup-dir", str(tmp_path))

    assert done.code == 0, done
    (report,) = tmp_path.glob("migration_report_*.txt")
    text = report.read_text()
    for part in (
        "MIGRATION REPORT",
        f"Database: {legacy.name} on ",
        f"as {user}",
        "Django 5.2",
        "Python 3.",
        "Recovery point: 20",
        " UTC, WAL ",
        "transaction ",
        "PRE-MIGRATION VALIDATION CHECKS",
        "Customer 13 (tenant 1) has no company",
        "POST-MIGRATION VERIFICATION CHECKS",
        "Order-contact-company consistency",
        "FINGERPRINTS",
        "lock_timeout",
    ):
        assert part in text, part
    position = legacy.value("SELECT transaction_id FROM contacts_restructuringrun")
    assert f"transaction {position}" in text
    for path in tmp_path.iterdir():
        assert secret not in path.read_text()
    assert secret not in done.output


def test_each_committed_run_and_only_that_has_a_row(legacy: Database, tmp_path: Path) -> None:
    run("--dry-run")
    run("--rehearse", "--noinput", "--backup-dir", str(tmp_path))
    assert legacy.value("SELECT to_regclass('contacts_restructuringrun')") is None

    assert_migrates(tmp_path)
    assert_migrates(tmp_path)

    assert legacy.value("SELECT count(*) FROM contacts_restructuringrun") == 1

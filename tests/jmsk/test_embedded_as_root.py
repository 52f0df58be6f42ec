"""Run by root, the embedded server leaves private folders above its files private."""

import os
import shutil
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from jmsk.embedded import binaries, location
from jmsk.embedded.server import ensure_running, release
from tests.support.project import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _only_as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a server as another user")


@pytest.fixture
def private(server_folder: Path) -> Path:
    path = server_folder / "private"
    path.mkdir(mode=0o700)
    return path


def test_the_default_place_is_given_up_for_the_systems_own(
    server_folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "SYSTEM_FOLDER", server_folder / "system")
    project = private / "project"
    project.mkdir()
    found = location.prepare(project, None, "16")
    assert found.root.parent == server_folder / "system"
    assert found.moved_from == project / ".postgres"
    assert found.server.stat().st_uid == found.uid != 0
    assert not (project / ".postgres").exists()
    assert private.stat().st_mode & 0o777 == 0o700


def test_a_place_that_was_asked_for_is_refused(private: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMBEDDED_POSTGRES_DIR"):
        location.prepare(PROJECT, private / "postgres", "16")
    assert list(private.iterdir()) == []
    assert private.stat().st_mode & 0o777 == 0o700


def test_programs_in_a_private_folder_are_copied_beside_the_data(
    server_folder: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = binaries.installation("16")
    hidden = private / installed.parent.name / installed.name
    shutil.copytree(installed, hidden, symlinks=True)
    for libraries in binaries._libraries(installed):
        shutil.copytree(libraries, private / libraries.relative_to(installed.parent.parent))
    monkeypatch.setattr(binaries, "installation", lambda version: hidden)
    running = ensure_running(server_folder / "postgres", "16")
    try:
        assert running.location.installation.is_relative_to(server_folder / "postgres" / "programs")
        assert private.stat().st_mode & 0o777 == 0o700
    finally:
        release(running.location)


def test_a_folder_that_was_made_but_not_handed_over_is_handed_over(server_folder: Path) -> None:
    (server_folder / "server").mkdir(mode=0o700)
    found = location.prepare(PROJECT, server_folder, "16")
    assert found.server.stat().st_uid == found.uid != 0


@pytest.fixture
def somebody(server_folder: Path) -> Path:
    """A folder that another user than root and the server's owns."""
    path = server_folder / "somebody"
    path.mkdir(mode=0o755)
    os.chown(path, 12345, 12345)
    return path


def owned_by_root(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["server", "programs"])
def test_a_link_is_not_followed(server_folder: Path, name: str) -> None:
    target = owned_by_root(server_folder / "target")
    chosen = owned_by_root(server_folder / "postgres")
    (chosen / name).symlink_to(target)
    with pytest.raises(ImproperlyConfigured, match=f"a link in the place of {chosen / name}"):
        location.prepare(PROJECT, chosen, "16")
    assert target.stat().st_uid == 0
    assert list(target.iterdir()) == []


def test_a_place_in_somebody_elses_folder_is_refused(somebody: Path, server_folder: Path) -> None:
    target = owned_by_root(server_folder / "target")
    chosen = somebody / "postgres"
    with pytest.raises(ImproperlyConfigured, match=f"exchanged by others .* through {somebody}"):
        location.prepare(PROJECT, chosen, "16")
    assert not chosen.exists()
    chosen.mkdir()
    os.chown(chosen, 12345, 12345)
    (chosen / "server").symlink_to(target)
    with pytest.raises(ImproperlyConfigured, match="a link"):
        location.prepare(PROJECT, chosen, "16")
    assert target.stat().st_uid == 0


def test_the_default_place_in_somebody_elses_folder_is_given_up(
    somebody: Path, server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "SYSTEM_FOLDER", server_folder / "system")
    found = location.prepare(somebody, None, "16")
    assert found.moved_from == somebody / ".postgres"
    assert list(somebody.iterdir()) == []


def test_the_folder_that_somebody_runs_the_server_in_is_joined_as_they(somebody: Path) -> None:
    for folder in (somebody / "postgres", somebody / "postgres" / "server"):
        folder.mkdir(mode=0o711)
        os.chown(folder, 12345, 12345)
    assert location.prepare(PROJECT, somebody / "postgres", "16").uid == 12345


def test_a_folder_in_which_everybody_may_rename_is_refused(server_folder: Path) -> None:
    open_to_all = owned_by_root(server_folder / "open")
    open_to_all.chmod(0o777)
    with pytest.raises(ImproperlyConfigured, match="exchanged by others"):
        location.prepare(PROJECT, open_to_all / "postgres", "16")

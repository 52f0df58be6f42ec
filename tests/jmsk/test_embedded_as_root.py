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

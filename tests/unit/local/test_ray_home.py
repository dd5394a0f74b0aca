import stat
import tempfile
from pathlib import Path

import pytest

from infra.local import ray_home
from infra.local.ray_home import FolderNotOurs


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that everybody shares."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(ray_home, "MAX_SHARED", 1000)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_random_kept_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    first = ray_home.environment(tmp_path / "one")
    token = tmp_path / "one" / ray_home.TOKEN_FILE

    assert ray_home.environment(tmp_path / "one") == first
    assert first["RAY_AUTH_TOKEN_PATH"] == str(token)
    assert mode(token) == 0o600
    ray_home.environment(tmp_path / "two")
    assert (tmp_path / "two" / ray_home.TOKEN_FILE).read_text() != token.read_text()


def test_tokens_are_asked_for_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "RAY_AUTH_MODE": "disabled",
        "RAY_AUTH_TOKEN": "known to all",
        "RAY_AUTH_TOKEN_PATH": "/dev/null",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
        "RAY_ADDRESS": "elsewhere:6379",
    }.items():
        monkeypatch.setenv(name, value)

    told = ray_home.environment(tmp_path)

    assert told["RAY_AUTH_MODE"] == "token"
    assert told["RAY_AUTH_TOKEN"] == ""
    assert told["RAY_ADDRESS"] == ""
    assert told["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert Path(told["RAY_AUTH_TOKEN_PATH"]).parent == tmp_path


def test_the_folder_is_new_each_time_and_nobody_else_can_enter_it(
    tmp_path: Path, shared: Path
) -> None:
    first = ray_home.fresh_folder(tmp_path)
    second = ray_home.fresh_folder(tmp_path)

    assert mode(second.parent) == 0o700
    assert second.parent != first.parent
    assert list(shared.iterdir()) == [second.parent], "that of before has gone"
    assert (tmp_path / ray_home.LINK).readlink() == second.parent


def test_a_folder_that_is_open_to_others_is_neither_used_nor_deleted(
    tmp_path: Path, shared: Path
) -> None:
    folder = ray_home.fresh_folder(tmp_path)
    folder.parent.chmod(0o777)

    with pytest.raises(FolderNotOurs, match="not a folder of yours"):
        ray_home.fresh_folder(tmp_path)
    assert folder.exists()


def test_a_link_to_another_place_deletes_nothing(tmp_path: Path, shared: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    (tmp_path / ray_home.LINK).symlink_to(victim)

    with pytest.raises(FolderNotOurs, match="victim"):
        ray_home.discard(tmp_path)
    assert victim.exists()


def test_a_folder_that_has_gone_is_made_again(tmp_path: Path, shared: Path) -> None:
    folder = ray_home.fresh_folder(tmp_path)
    folder.rmdir()
    folder.parent.rmdir()

    assert ray_home.fresh_folder(tmp_path).exists()


def test_a_long_name_for_temporary_files_leaves_room_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "a folder for temporary files with a very long name"
    shared.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))

    folder = ray_home.fresh_folder(tmp_path)
    try:
        socket = folder / "session_2026-11-28_06-59-12_123456_1234567" / "sockets/plasma_store"
        assert len(str(socket)) <= 103
    finally:
        ray_home.discard(tmp_path)


def test_a_port_for_other_nodes_opens_ray_and_keeps_its_token(tmp_path: Path):
    closed, opened = ray_home.environment(tmp_path), ray_home.environment(tmp_path, 6379)

    assert closed["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert opened["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "1"
    assert opened["RAY_GCS_SERVER_PORT"] == "6379"
    assert {name: opened[name] for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH")} == {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": closed["RAY_AUTH_TOKEN_PATH"],
    }


def test_a_token_is_there_when_its_file_holds_one(tmp_path: Path):
    token = tmp_path / "token"
    environment = {"RAY_AUTH_TOKEN_PATH": str(token)}

    assert not ray_home.has_a_token({})
    assert not ray_home.has_a_token(environment)
    token.write_text("\n")
    assert not ray_home.has_a_token(environment)
    token.write_text("secret")
    assert ray_home.has_a_token(environment)

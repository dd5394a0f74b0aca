from pathlib import Path
from urllib.parse import urlsplit

from infra.docker.make_secrets import (
    KAFKA,
    MADE,
    POSTGRES,
    SHELFCAST,
    make,
    make_hardened,
    make_spark,
)


def test_secrets_are_made_once_and_kept(tmp_path: Path):
    given: dict[str, int] = {}

    assert make(tmp_path, lambda path, uid, _: given.update({path.name: uid}))
    first = {file: file.read_text() for file in (tmp_path / MADE).glob("*/*")}
    assert not make(tmp_path)

    assert len(first) == 3
    assert {file: file.read_text() for file in first} == first
    assert given == {
        "password": POSTGRES,
        "postgres": POSTGRES,
        "shelfcast_database_url": SHELFCAST,
        "ray_token": SHELFCAST,
        "shelfcast": SHELFCAST,
    }


def test_each_secret_is_for_its_reader_alone(tmp_path: Path):
    make(tmp_path, lambda *_: None)

    for file in (tmp_path / MADE).glob("*/*"):
        assert file.stat().st_mode & 0o777 == 0o400
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_two_stacks_have_different_secrets_and_a_url_has_its_databases_password(tmp_path: Path):
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        make(tmp_path / name, lambda *_: None)
        folder = tmp_path / name / MADE
        url = urlsplit((folder / "shelfcast/shelfcast_database_url").read_text())
        assert url.password == (folder / "postgres/password").read_text()
        made += [url.password, (folder / "shelfcast/ray_token").read_text()]
    assert len({*made}) == 4


def test_one_that_was_cut_short_is_made_anew(tmp_path: Path):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        make(tmp_path, killed)
    except KeyboardInterrupt:
        assert not (tmp_path / MADE).exists()
    assert make(tmp_path, lambda *_: None)


def test_what_spark_shares_comes_to_a_stack_that_was_made_before_and_is_kept(tmp_path: Path):
    make(tmp_path, lambda *_: None)
    given: dict[str, int] = {}

    assert make_spark(tmp_path, lambda path, uid, _: given.update({path.name: uid}))
    file = tmp_path / MADE / "spark" / "spark-defaults.conf"
    first = file.read_text()
    assert not make_spark(tmp_path)

    assert "spark.authenticate true" in first
    assert file.read_text() == first
    assert set(given.values()) == {SHELFCAST}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o400, 0o700)
    assert {path.name for path in (tmp_path / MADE).iterdir()} == {"postgres", "shelfcast", "spark"}


def test_what_the_hardened_stack_needs_comes_to_one_that_was_made_before_and_is_kept(
    tmp_path: Path,
):
    make(tmp_path, lambda *_: None)
    given: dict[str, int] = {}

    assert make_hardened(
        tmp_path, lambda path, uid, _: given.update({f"{path.parent.name}/{path.name}": uid})
    )
    place = tmp_path / MADE / "tls"
    files = {path: path.read_text() for path in place.rglob("*") if path.is_file()}
    assert not make_hardened(tmp_path)

    assert {path: path.read_text() for path in files} == files
    assert given["postgres/server.key"] == POSTGRES
    assert given["kafka/server.pem"] == KAFKA
    assert given["operator/shelfcast_kafka_password"] == SHELFCAST
    [said] = {uid for path, uid in given.items() if path.endswith("/operator")}
    assert said == SHELFCAST
    for path in files:
        readable = 0o444 if path.name == "authority.pem" else 0o400
        assert path.stat().st_mode & 0o777 == readable, path
    assert {path.stat().st_mode & 0o777 for path in place.iterdir() if path.is_dir()} == {0o700}


def test_no_key_of_the_authority_is_kept(tmp_path: Path):
    make(tmp_path, lambda *_: None)
    make_hardened(tmp_path, lambda *_: None)

    place = tmp_path / MADE / "tls"
    keys = [file for file in place.rglob("*") if file.is_file() and "PRIVATE" in file.read_text()]
    assert {f"{file.parent.name}/{file.name}" for file in keys} == {
        "postgres/server.key",
        "kafka/server.pem",
    }

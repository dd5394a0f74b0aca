"""What processes of functions may know of the composed stack's secrets, and how they get it."""

from pathlib import Path

from infra.docker.make_secrets import MADE, make, make_hardened, make_spark
from infra.docker.make_users import hand_on


def test_functions_get_what_they_share_and_nothing_of_the_operator(tmp_path: Path):
    stack, functions = tmp_path / "stack", tmp_path / "functions"
    stack.mkdir()
    for step in (make, make_spark, make_hardened):
        step(stack, lambda *_: None)

    hand_on(stack / MADE, functions)
    hand_on(stack / MADE, functions)  # at the next `up`

    got = {f.relative_to(functions).as_posix() for f in functions.rglob("*") if f.is_file()}
    assert got == {
        f"{MADE}/shelfcast/ray_token",
        f"{MADE}/spark/spark-defaults.conf",
        f"{MADE}/tls/authority.pem",
    }
    for name in got:
        copied = functions / name
        assert copied.read_text() == (stack / name).read_text()
        assert copied.stat().st_mode & 0o777 == 0o400

import sys

from infra.local import interpreters


def test_an_interpreter_of_another_version_is_passed_over() -> None:
    told = {"shim": None, "old": "3.12", "right": "3.13"}

    assert interpreters.find("3.13", told, told.__getitem__) == "right"
    assert interpreters.find("3.11", told, told.__getitem__) is None


def test_an_interpreter_tells_its_own_version() -> None:
    assert interpreters.version_of(sys.executable) == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_what_does_not_run_has_no_version() -> None:
    assert interpreters.version_of("/nowhere/python3.13") is None

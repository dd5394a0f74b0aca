import json
import subprocess
from pathlib import Path

import pytest

from infra.local import audit
from infra.local.audit import FAULTY_JAR, NoAdvisories, Verdict
from infra.local.jars import Jar

LOCK = Path("requirements.txt")
MINE = Jar("org.example", "thing", "1.0", "")
JINJA = {"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-1"}]}
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def reporting(known_faulty: object, lock: object) -> audit.PipAudit:
    def pip_audit(*arguments: str) -> subprocess.CompletedProcess[str]:
        found = lock if str(LOCK) in arguments else known_faulty
        said = found if isinstance(found, str) else json.dumps({"dependencies": found})
        return subprocess.CompletedProcess(arguments, 1, said, "no route\nto the host\n")

    return pip_audit


def test_a_package_with_an_advisory_is_named_with_it() -> None:
    verdict = audit.judge_packages(LOCK, reporting([JINJA], [SOUND, JINJA]))

    assert verdict == Verdict(2, {"jinja2 2.10": ["PYSEC-1"]}, [])


def test_a_source_that_knows_no_package_is_no_clean_bill() -> None:
    skipped = {"name": "jinja2", "skip_reason": "not found"}

    with pytest.raises(NoAdvisories, match=r"jinja2==2\.10"):
        audit.judge_packages(LOCK, reporting([skipped], [UNKNOWN]))


def test_an_auditor_that_gives_no_report_says_why() -> None:
    with pytest.raises(NoAdvisories, match="to the host"):
        audit.judge_packages(LOCK, reporting("", [SOUND]))


def test_a_package_unknown_to_the_source_is_not_counted_as_judged() -> None:
    verdict = audit.judge_packages(LOCK, reporting([JINJA], [SOUND, UNKNOWN]))

    assert verdict == Verdict(1, {}, ["unknown"])


def test_each_jar_is_asked_for_once_and_named_with_its_advisories() -> None:
    asked: list[Jar] = []

    def ask(jar: Jar) -> list[str]:
        asked.append(jar)
        return ["GHSA-1"]

    verdict = audit.judge_jars([MINE, MINE], ask)

    assert verdict == Verdict(1, {"org.example:thing:1.0": ["GHSA-1"]}, [])
    assert asked == [FAULTY_JAR, MINE]


def test_a_source_without_the_best_known_fault_of_a_jar_is_no_clean_bill() -> None:
    with pytest.raises(NoAdvisories, match="log4j-core"):
        audit.judge_jars([MINE], lambda _jar: [])


def test_what_could_not_be_audited_is_said_and_stops_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert audit.tell("Jars", lambda: audit.judge_jars([MINE], lambda _jar: []))
    assert "Jars: NOT AUDITED" in capsys.readouterr().out


def test_a_fault_stops_ci_until_somebody_accepts_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty = Verdict(1, {"thing 1.0": ["GHSA-1"]}, [])

    assert not audit.tell("Jars", lambda: faulty)
    assert "thing 1.0: GHSA-1" in capsys.readouterr().out
    monkeypatch.setitem(audit.ACCEPTED, "GHSA-1", "only its XML reader, which nobody calls here")
    assert audit.tell("Jars", lambda: faulty)

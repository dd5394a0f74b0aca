"""Check both locks against the published advisories: `python -m infra.local.audit`.

Python packages are judged by pip-audit, jars by the OSV service that pip-audit knows (or that
PIP_AUDIT_OSV_URL names, such as a mirror). Each source is first asked about a release whose
fault everybody knows: one that finds none there has no data, and what it would say of a lock
means nothing. Then the lock is reported as NOT AUDITED, never as clean.

Ends with 1 when a locked release has a known fault that nobody has accepted, else with 0.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.jars import Jar, locked

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
# Faulty for years, each with advisories that every source of them has.
FAULTY_PACKAGE = "jinja2==2.10"
FAULTY_JAR = Jar("org.apache.logging.log4j", "log4j-core", "2.14.1", sha256="")
# Advisories that do not concern how the package is used here, each with its reason.
ACCEPTED: dict[str, str] = {}
PATIENCE = 20  # seconds for one answer of the source

Advisories = list[str]
PipAudit = Callable[..., subprocess.CompletedProcess[str]]


class NoAdvisories(Exception):
    """The source of advisories can't be reached, or lacks a well-known advisory."""


@dataclass(frozen=True)
class Verdict:
    """The result for one lock: the number checked, those with advisories, those not checked."""

    judged: int
    faults: dict[str, Advisories]
    unknown: list[str]

    def standing(self) -> dict[str, Advisories]:
        """The advisories that are not accepted."""
        left = {
            release: [advisory for advisory in advisories if advisory not in ACCEPTED]
            for release, advisories in self.faults.items()
        }
        return {release: advisories for release, advisories in left.items() if advisories}


def judge_packages(requirements: Path, pip_audit: PipAudit) -> Verdict:
    """What pip-audit says of the locked Python packages; NoAdvisories when it has no data."""
    with tempfile.TemporaryDirectory() as scratch:
        known = Path(scratch) / "known-faulty.txt"
        known.write_text(FAULTY_PACKAGE + "\n")
        if not _reported(pip_audit("--no-deps", "-r", str(known))).faults:
            raise NoAdvisories(f"pip-audit found no advisory for {FAULTY_PACKAGE}, which has some")
    return _reported(pip_audit("--require-hashes", "-r", str(requirements)))


def _reported(ended: subprocess.CompletedProcess[str]) -> Verdict:
    try:
        dependencies = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        last = (ended.stderr.strip() or "it said nothing").splitlines()[-1]
        raise NoAdvisories(f"pip-audit gave no report: {last}") from None
    known = [one for one in dependencies if "skip_reason" not in one]
    faults = {
        f"{one['name']} {one['version']}": [vuln["id"] for vuln in one["vulns"]]
        for one in known
        if one["vulns"]
    }
    skipped = [one["name"] for one in dependencies if "skip_reason" in one]
    return Verdict(len(known), faults, skipped)


def judge_jars(jars: Iterable[Jar], ask: Callable[[Jar], Advisories]) -> Verdict:
    """What the source says of each jar; NoAdvisories when it has no data."""
    if not ask(FAULTY_JAR):
        raise NoAdvisories(f"no advisory for {FAULTY_JAR.coordinates}, which has some")
    wanted = sorted(set(jars))
    answers = {jar.coordinates: ask(jar) for jar in wanted}
    return Verdict(len(wanted), {name: found for name, found in answers.items() if found}, [])


def run_pip_audit(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the pip-audit of this virtual environment; its report is JSON."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", str(PATIENCE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def ask_osv(jar: Jar) -> Advisories:
    """The advisories that OSV has for the jar, those taken back left out."""
    import httpx
    from pip_audit._service import OsvService

    address = os.environ.get("PIP_AUDIT_OSV_URL", OsvService.DEFAULT_OSV_URL)
    package = {"ecosystem": "Maven", "name": f"{jar.group}:{jar.artifact}"}
    try:
        answer = httpx.post(
            address, json={"package": package, "version": jar.version}, timeout=PATIENCE
        ).raise_for_status()
        vulns: list[dict[str, Any]] = answer.json().get("vulns", [])
    except (httpx.HTTPError, ValueError) as error:
        raise NoAdvisories(f"OSV can't be asked ({error or type(error).__name__})") from error
    return [vuln["id"] for vuln in vulns if not vuln.get("withdrawn")]


def tell(title: str, judge: Callable[[], Verdict]) -> bool:
    """Print the result for one lock; return whether CI may continue."""
    try:
        verdict = judge()
    except NoAdvisories as reason:
        print(f"{title}: NOT AUDITED: {reason}")
        return True
    standing = verdict.standing()
    print(f"{title}: {verdict.judged} judged, {len(standing)} with known faults")
    for release, advisories in standing.items():
        print(f"  {release}: {', '.join(advisories)}; lock a release without them: `make lock`")
    if verdict.unknown:
        print(f"  NOT AUDITED, unknown to the source: {', '.join(verdict.unknown)}")
    return not standing


def main() -> None:
    """Audit both locks; exit 1 if an advisory is not accepted."""
    jars = [jar for members in locked().values() for jar in members]
    clean = [
        tell("Python packages", lambda: judge_packages(REQUIREMENTS, run_pip_audit)),
        tell("Jars", lambda: judge_jars(jars, ask_osv)),
    ]
    sys.exit(not all(clean))


if __name__ == "__main__":
    main()

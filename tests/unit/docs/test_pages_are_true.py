"""What pages name is there: files behind links, paths, modules, make targets."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from functions.api.problem_document import KINDS

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Pages of people who join; they name much of the tree, and what their examples would add to it.
JOINING = [ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/contributing/*.md")]
NAMED = [*JOINING, ROOT / "docs/architecture.md", *ROOT.glob("docs/adr/*.md")]
OF_EXAMPLES = ("stocktaker", "backup.taken", "0014_")

LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([\w-]+))?\)")
PATH = re.compile(r"`((?:events|functions|infra|stream_jobs|tests|docs)/[\w./-]*)`")
MODULE = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)+)")
TARGET = re.compile(r"`make ([a-z-]+[a-z])\b")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def named(pattern: re.Pattern[str]) -> set[str]:
    found = {name for page in NAMED for name in pattern.findall(page.read_text())}
    return {name for name in found if not any(part in name for part in OF_EXAMPLES)}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made where it is read."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@each_page
def test_a_link_leads_to_a_file_and_to_a_heading_of_it(page: Path):
    for target, anchor in LINK.findall(page.read_text()):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(file), f"{target} has no heading {anchor}"


def test_the_paths_that_pages_name_are_there():
    paths = named(PATH)
    assert len(paths) > 40
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_the_modules_that_pages_tell_to_run_are_there():
    modules = {name for page in PAGES for name in MODULE.findall(page.read_text())}
    assert len(modules) > 4
    assert sorted(module for module in modules if find_spec(module) is None) == []


def test_the_make_targets_that_pages_name_are_there():
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named(TARGET) - {"bench"} <= set(targets)


def test_every_page_of_docs_is_linked_from_another():
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target, _ in LINK.findall(page.read_text())
        if target
    }
    runbooks = set(ROOT.glob("docs/runbooks/*.md"))  # alerts link these
    lonely = {*PAGES} - linked - runbooks - {ROOT / "README.md"}
    assert sorted(str(page.relative_to(ROOT)) for page in lonely) == []


def test_the_glossary_has_each_term_once_in_alphabetic_order():
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    terms = [line.split("|")[1].strip() for line in lines if line.startswith("| ")][2:]
    assert len(terms) > 40
    assert terms == sorted(set(terms), key=str.casefold)


def test_hooks_are_commands_of_the_environment_so_nothing_is_downloaded():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}


def test_the_page_of_the_api_has_every_kind_of_problem_and_no_other():
    rows = re.findall(
        r"^\| `/docs#([\w-]+)` \| (\d+) \| (.+?) \| ",
        (ROOT / "docs/api.md").read_text(),
        re.MULTILINE,
    )
    assert rows == [(kind.name, str(kind.status), kind.title) for kind in KINDS]

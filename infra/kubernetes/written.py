"""Manifests that are made from the code: written, or with `--check` only compared."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
BASE = HERE / "base"
CLUSTER = "shelfcast-kafka"  # the Kafka resource; Strimzi finds what belongs to it by this label
OF_CLUSTER = {"strimzi.io/cluster": CLUSTER}

Manifest = Mapping[str, Any]


def text(manifests: Sequence[Manifest], module: str) -> str:
    """The documents as YAML, with a line that says what wrote them."""
    documents = [yaml.safe_dump(each, sort_keys=False, width=100) for each in manifests]
    return f"# Written by `python -m {module}`.\n" + "---\n".join(documents)


def write(file: Path, manifests: Sequence[Manifest], module: str) -> None:
    """Write the file; with `--check` on the command line end with 1 if it is not current."""
    wanted = text(manifests, module)
    if "--check" in sys.argv:
        if not file.is_file() or file.read_text(encoding="utf-8") != wanted:
            sys.exit(f"{file.name} is old; run python -m {module}")
        return
    file.write_text(wanted, encoding="utf-8")

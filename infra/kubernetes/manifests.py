"""Manifests that are made from the code (`infra.written`)."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

CLUSTER = "shelfcast-kafka"  # the Kafka resource; Strimzi finds what belongs to it by this label
OF_CLUSTER = {"strimzi.io/cluster": CLUSTER}


def text(manifests: Sequence[Mapping[str, Any]]) -> str:
    """The documents as YAML, with a line that says what wrote them."""
    documents = [yaml.safe_dump(each, sort_keys=False, width=100) for each in manifests]
    return "# Written by `make docs`.\n" + "---\n".join(documents)

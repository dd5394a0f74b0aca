"""Every overlay is what Kubernetes and the operators take, and agrees with itself and the code.

No cluster runs: `kubectl kustomize` renders, `kubernetes-validate` knows Kubernetes' own kinds, and
the operators' schemas, made from their CRDs, lie outside of the project, in SHELFCAST_CRDS.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.deploy.kubernetes import (
    agreement,
    broken_agreement,
    broken_network,
    broken_pods,
    broken_references,
    network,
    pods,
    references,
)
from tests.deploy.kubernetes.manifests import BUILT_IN, OVERLAYS, Manifests, name, render
from tests.deploy.kubernetes.parts import Broken
from tests.deploy.tools import PROJECT, run

CRDS = Path(os.environ.get("SHELFCAST_CRDS", PROJECT / "../shared/crds"))
# Of these there are no schemas there; `SHAPES` says what they have to have.
WITHOUT_SCHEMA = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ObjectStore"}
SHAPES = {
    "ServiceMonitor": ("monitoring.coreos.com/v1", {"selector", "endpoints"}),
    "PodMonitor": ("monitoring.coreos.com/v1", {"selector", "podMetricsEndpoints"}),
    "PrometheusRule": ("monitoring.coreos.com/v1", {"groups"}),
    "ObjectStore": ("barmancloud.cnpg.io/v1", {"configuration", "retentionPolicy"}),
}
DOCS = PROJECT / "docs/deploying-kubernetes.md"

Check = Callable[[Manifests], Iterator[str]]
CHECKS: dict[str, Check] = {
    title: check
    for module in (references, pods, network, agreement)
    for title, check in vars(module).items()
    if title.startswith("check_")
}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
def test_kubernetes_takes_its_own_kinds(overlay: str, tmp_path: Path):
    found = [each for each in render(overlay).objects if each["apiVersion"] in BUILT_IN]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(found))
    run("kubernetes-validate", ["-k", "1.34", "--strict", "--quiet", file])


def test_a_field_that_kubernetes_does_not_know_is_refused(tmp_path: Path):
    job = render("small").get("Job", "shelfcast-migrate")
    job["spec"]["backoff"] = 3
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump(job))
    with pytest.raises(AssertionError, match="backoff"):
        run("kubernetes-validate", ["-k", "1.34", "--strict", "--quiet", file])


def schema(each: dict[str, Any]) -> Draft202012Validator:
    group, _, version = each["apiVersion"].partition("/")
    file = CRDS / f"{group}_{each['kind']}_{version}.json"
    return Draft202012Validator(json.loads(file.read_text()))


def custom(overlay: str) -> list[dict[str, Any]]:
    return [each for each in render(overlay).objects if each["apiVersion"] not in BUILT_IN]


@pytest.mark.skipif(not CRDS.is_dir(), reason=f"no schemas of custom resources in {CRDS}")
@each_overlay
def test_operators_take_their_kinds(overlay: str):
    for each in custom(overlay):
        if each["kind"] not in WITHOUT_SCHEMA:
            wrong = [f"{e.json_path}: {e.message}" for e in schema(each).iter_errors(each)]
            assert wrong == [], f"{each['kind']} {name(each)}"


@pytest.mark.skipif(not CRDS.is_dir(), reason=f"no schemas of custom resources in {CRDS}")
def test_a_field_that_an_operator_does_not_know_is_refused():
    service = render("small").get("RayService", "shelfcast")
    service["spec"]["rayClusterConfig"]["workerGroup"] = []
    assert list(schema(service).iter_errors(service))


@each_overlay
def test_kinds_without_a_schema_have_their_version_and_parts(overlay: str):
    for each in custom(overlay):
        if each["kind"] in WITHOUT_SCHEMA:
            version, parts = SHAPES[each["kind"]]
            assert each["apiVersion"] == version
            assert parts <= each["spec"].keys()


@each_overlay
def test_everything_is_in_one_namespace_and_nothing_is_a_secret(overlay: str):
    for each in render(overlay).objects:
        assert each["kind"] != "Secret"
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "shelfcast"


@each_overlay
@pytest.mark.parametrize("title", CHECKS)
def test_an_overlay_is_right(overlay: str, title: str):
    assert list(CHECKS[title](render(overlay))) == []


@each_overlay
def test_the_docs_say_what_an_overlay_asks_for(overlay: str):
    always = [
        (pod.many, container["resources"]["requests"])
        for pod in render(overlay).pods()
        if pod.labels.get("app.kubernetes.io/component") not in ("migrate", "scheduler")
        for container in pod.spec["containers"]
    ]
    cores = sum(many * pods.amount(asked["cpu"]) for many, asked in always)
    memory = sum(many * pods.amount(asked["memory"]) for many, asked in always) / 2**30
    (row,) = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{overlay}` |")]
    assert f"| {cores:.1f}, {memory:.1f} GiB" in row


def test_the_docs_list_every_secret():
    told = DOCS.read_text().partition("## Secrets")[2]
    for secret in references.SECRETS:
        assert f"`{secret}`" in told


BROKEN: list[Broken] = [
    *broken_references.BROKEN,
    *broken_pods.BROKEN,
    *broken_network.BROKEN,
    *broken_agreement.BROKEN,
]


@pytest.mark.parametrize(
    ("title", "break_it", "told"), BROKEN, ids=[f"{title}: {told}" for title, _, told in BROKEN]
)
def test_a_check_tells_what_is_broken(title: str, break_it: Callable[[Manifests], Any], told: str):
    them = render("small")
    break_it(them)
    problems = list(CHECKS[title](them))
    assert any(told in problem for problem in problems), problems


def test_every_check_has_an_example_that_it_tells_of():
    assert {title for title, _, _ in BROKEN} == set(CHECKS)

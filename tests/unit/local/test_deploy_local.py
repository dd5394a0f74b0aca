"""The deployment to LocalStack speaks to no other AWS."""

import pytest

from infra.aws import deploy_local
from infra.aws.deploy_local import NotDeployed, environment, put_parameter


def test_osls_knows_nothing_by_which_a_person_is_known_to_aws():
    mine = {"PATH": "/bin", "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "mine"}

    found = environment("http://127.0.0.1:4566", mine | {"AWS_ACCESS_KEY_ID": "mine"})

    assert found == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    }


@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9"])
def test_without_a_localstack_nothing_is_deployed_and_the_next_step_is_said(endpoint: str):
    with pytest.raises(NotDeployed, match=r"AWS_ENDPOINT_URL is .*--profile aws up -d --wait"):
        put_parameter(endpoint, "/shelfcast/dev/kafka_bootstrap", "kafka:9092")


def test_without_osls_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(deploy_local, "OSLS", tmp_path / "osls")

    with pytest.raises(NotDeployed, match=r"install Node.js 20 with npm"):
        deploy_local.deploy("http://127.0.0.1:9")

"""The serverless stack into LocalStack: `python -m infra.aws.deploy_local`, or `make deploy-local`.

The broker's address is put where AWS would keep it, then osls deploys `serverless.yml` as the
stage `dev`; more arguments are osls's own. Done again, it brings the deployment up to date. It
never speaks to AWS itself: it has no credentials of AWS's, and no other address than the one in
AWS_ENDPOINT_URL.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from infra.aws import package

OSLS = package.PROJECT / "infra/aws/node_modules/.bin/osls"
STAGE, REGION = "dev", "eu-central-1"
# Of docker-compose.yml: a function's container joins LocalStack's network, where it has this name.
BROKER = "kafka:9092"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # LocalStack takes any
# By which LocalStack knows whose call it is; it checks no signature.
CALLER = (
    f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/ssm/aws4_request, "
    "SignedHeaders=host, Signature=none"
)
WAIT = 60.0  # seconds for an answer: LocalStack loads a service when it is first asked


class NotDeployed(Exception):
    """Nothing was deployed, or not all of it."""


def deploy(
    endpoint: str, folder: Path = package.PROJECT, broker: str = BROKER, more: Sequence[str] = ()
) -> None:
    """Store the setting and deploy the folder; raises NotDeployed with the reason."""
    if not OSLS.exists():
        raise NotDeployed("osls is not installed: install Node.js 20 with npm, then run this again")
    put_parameter(endpoint, f"/shelfcast/{STAGE}/kafka_bootstrap", broker)
    done = subprocess.run(
        [OSLS, "deploy", "--stage", STAGE, "--region", REGION, *more],
        cwd=folder,
        env=environment(endpoint, os.environ),
        check=False,
    )
    if done.returncode != 0:
        raise NotDeployed(f"osls ended with {done.returncode}; see its output above")


def environment(endpoint: str, known: Mapping[str, str]) -> dict[str, str]:
    """That of osls: this endpoint, and nothing by which a person is known to AWS."""
    left = {name: value for name, value in known.items() if not name.startswith("AWS_")}
    return {**left, **CREDENTIALS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": endpoint}


def put_parameter(endpoint: str, name: str, value: str) -> None:
    """Set a parameter of SSM as AWS's own clients do; NotDeployed if it is not taken."""
    body = {"Name": name, "Value": value, "Type": "String", "Overwrite": True}
    headers = {
        "Authorization": CALLER,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonSSM.PutParameter",
    }
    try:
        answer = httpx.post(
            endpoint, content=json.dumps(body), headers=headers, timeout=WAIT, trust_env=False
        )
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise NotDeployed(
            f"AWS_ENDPOINT_URL is {endpoint!r}, and no LocalStack answers there ({error}): bring "
            "it up by `docker compose --profile aws up -d --wait`"
        ) from None
    if not answer.is_success:
        raise NotDeployed(f"{endpoint} did not take the parameter {name}: {answer.text}")


def main() -> None:
    """Deploy; the exit code is 2 when it can't be done."""
    try:
        deploy(os.environ.get("AWS_ENDPOINT_URL", ""), more=sys.argv[1:])
    except NotDeployed as error:
        print(f"shelfcast: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

"""What checks of deployments share."""

from pathlib import Path

import pytest

from infra.aws import package


@pytest.fixture(scope="session")
def lambda_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Lambdas' zip, built from this tree."""
    target = tmp_path_factory.mktemp("lambda") / "lambda.zip"
    package.build(target)
    return target

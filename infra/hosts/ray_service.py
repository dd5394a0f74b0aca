"""The application for a Ray cluster that deploys it, for example KubeRay's RayService.

Its Serve config names `infra.hosts.ray_service:app`. It has no clock for the schedules: on this
cluster no process of ours outlives a deployment, so a CronJob runs `infra.hosts.publish_tick`.
"""

from collections.abc import Mapping
from typing import Any

# light_serve must import Serve before anything else does.
from infra.hosts.ray_serve import application

# isort: split
from ray import serve

from functions.catalog import FUNCTIONS
from infra.access import user_of
from infra.settings import load_settings


def app(args: Mapping[str, Any]) -> serve.Application:
    """What Serve builds: the settings are those of the environment of Ray's head.

    ValueError for arguments, which are a misunderstanding; SettingMissing and CredentialsMissing as
    for every process.
    """
    if args:
        raise ValueError(
            f"args of the Serve application: {', '.join(args)}: there are none; set environment "
            "variables, which docs/settings.md lists"
        )
    settings = load_settings()
    if settings.ray_address is None:
        raise ValueError(
            "SHELFCAST_RAY_ADDRESS is not set: replicas would listen on loopback alone, as on a "
            "local Ray; set it to auto"
        )
    for function in FUNCTIONS:  # report missing settings before anything is deployed
        own = settings.of(user_of(function))
        _ = own.database, own.kafka
    return application(settings)

"""Whether the API answers, and whether the system works."""

import asyncio

from fastapi import APIRouter, Response

from functions.api.given import Everything
from functions.api.views import View

HEALTH_SECONDS = 3.0


class FunctionHealth(View):
    """How one function fares."""

    state: str
    trouble: str | None = None
    lag: int | None = None


class Readiness(View):
    """Whether the system can work, part by part."""

    ready: bool
    database: str
    functions: dict[str, FunctionHealth]


router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(given: Everything, response: Response) -> Readiness:
    """Whether the database answers and every function works."""
    database = "ok"
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            await given.storage.ping()
    except Exception as error:
        if not given.is_outage(error):
            raise
        database = repr(error)
    functions = {
        name: FunctionHealth.model_validate(state) for name, state in (await given.health()).items()
    }
    working = all(f.state in ("idle", "working") for f in functions.values())
    ready = database == "ok" and working
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, database=database, functions=functions)

"""Whether the API answers, and whether the system works."""

import asyncio

from fastapi import APIRouter, Response

from functions.api import views
from functions.api.given import Everything

HEALTH_SECONDS = 3.0

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": views.Readiness}})
async def readyz(given: Everything, response: Response) -> views.Readiness:
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
        name: views.FunctionHealth.model_validate(state)
        for name, state in (await given.health()).items()
    }
    working = all(f.state in ("idle", "working") for f in functions.values())
    ready = database == "ok" and working
    response.status_code = 200 if ready else 503
    return views.Readiness(ready=ready, database=database, functions=functions)

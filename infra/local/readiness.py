"""Ask the API over HTTP whether it is ready, and return one line if it is not."""

import http.client
import json

ANSWER_WITHIN = 5.0  # seconds
MAX_REASON = 120  # characters, for each function


def trouble(address: str) -> str | None:
    """Return why the API at `host:port` is not ready, or None."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=ANSWER_WITHIN)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"the API at {address} does not answer: {error!r}"
    finally:
        connection.close()
    try:
        state = json.loads(body)
        ready, database, functions = state["ready"], state["database"], state["functions"]
    except (ValueError, KeyError, TypeError):
        return f"the API at {address} answers {answer.status} instead of its state"
    if ready:
        return None
    reasons = [] if database == "ok" else [f"the database is away: {database}"]
    reasons += [
        _reason(name, each["state"], each.get("trouble"))
        for name, each in functions.items()
        if each["state"] not in ("idle", "working")
    ]
    return "; ".join(reasons)


def _reason(name: str, state: str, trouble: str | None) -> str:
    return f"{name} is {state}" + (f" ({trouble[:MAX_REASON]})" if trouble else "")

"""The page at /docs: what the API takes and answers, from its OpenAPI document.

It holds all that it needs: no script, nothing of another host, so it reads well on a machine
without internet and nobody else learns who reads it.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from events.wording import written
from functions.api.problem_document import KINDS, PROBLEM_JSON

NOTHING_ELSE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h2 { border-top: 1px solid #ccc; font-size: 1.1rem; margin-top: 2rem; padding-top: 1rem }
code, pre { background: #f3f3f3; font-size: .9em; padding: .1em .3em }
pre { overflow-x: auto; padding: .7em }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left;
vertical-align: top }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd }
code, pre { background: #222 } a { color: #8cf } }
"""
# What stands in an example; other fields have the first value that their schema allows.
EXAMPLES: Mapping[str, Any] = {
    "store": "1",
    "product": "milk",
    "run_id": "RUN",
    "as_of": "2015-08-01",
    "date": "2015-08-01",
    "series": ["1/milk"],
}

Document = Mapping[str, Any]


def add_reference(app: FastAPI) -> None:
    """Add the page to the application."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()), headers=NOTHING_ELSE)


def page(document: Document) -> str:
    """The whole document as one page of HTML."""
    title = escape(document["info"]["title"])
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    contents = "".join(
        f'<li><a href="#{operation["operationId"]}"><code>{method.upper()} {escape(path)}</code>'
        "</a></li>"
        for path, method, operation in operations
    )
    parts = "".join(_operation(*each) for each in operations)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{escape(document['info']['description'])} The same for programs: "
        f'<a href="openapi.json">openapi.json</a>.</p><ul>{contents}'
        f'<li><a href="#problems">Problems</a></li></ul>{parts}{_problems()}'
        "</body></html>"
    )


def _problems() -> str:
    """What the `type` of a problem leads to."""
    rows = "".join(
        f'<tr id="{kind.name}"><td><code>{kind.type}</code></td><td>{kind.status}</td>'
        f"<td>{escape(kind.title)}.</td></tr>"
        for kind in KINDS
    )
    return (
        f'<h2 id="problems">Problems</h2><p>Whatever goes wrong is told as <code>{PROBLEM_JSON}'
        "</code> (RFC 9457): <code>type</code>, <code>title</code>, <code>status</code>, "
        "<code>detail</code>, <code>instance</code>, and <code>errors</code>, each with "
        "<code>field</code>, <code>message</code>, <code>value</code> and <code>fix</code>.</p>"
        f"<table><tr><th>type</th><th>status</th><th>what</th></tr>{rows}</table>"
    )


def _operation(path: str, method: str, operation: Document) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = body.get("schema", {})
    rows = [*_parameters(operation), *_fields(schema)]
    head = "<tr><th>name</th><th>where</th><th>what</th></tr>"
    table = f"<table>{head}{''.join(rows)}</table>" if rows else ""
    answers = ", ".join(
        f"{escape(code)} {escape(str(answer.get('description', '')).rstrip('.'))}"
        for code, answer in sorted(operation["responses"].items())
        if code != "default"
    )
    return (
        f'<h2 id="{escape(operation["operationId"])}"><code>{method.upper()} {escape(path)}</code>'
        f"</h2><p>{escape(operation.get('description', ''))}</p>{table}"
        f"<pre>{escape(_curl(path, method, schema))}</pre><p>Answers: "
        f'{answers}, or a <a href="#problems">problem</a></p>'
    )


def _parameters(operation: Document) -> Iterator[str]:
    for each in operation.get("parameters", ()):
        description = each.get("description") or ""
        yield _row(each["name"], each["in"], description, each["schema"], each["required"])


def _fields(schema: Document) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield _row(name, "body", field.get("description", ""), field, name in required)


def _row(name: str, where: str, description: str, schema: Document, required: bool) -> str:
    facts = [description, _kind(schema), "required" if required else ""]
    if (default := schema.get("default")) not in (None, "", [], {}):
        facts.append(f"default {json.dumps(default)}")
    what = "; ".join(fact.rstrip(".") for fact in facts if fact)
    return f"<tr><td><code>{escape(name)}</code></td><td>{where}</td><td>{escape(what)}</td></tr>"


def _kind(schema: Document) -> str:
    """A field's type and bounds in words."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    words = str(schema.get("format") or schema.get("type", ""))
    bounds = [schema[bound] for bound in ("minimum", "maximum") if bound in schema]
    return f"{words} {' to '.join(map(written, bounds))}" if bounds else words


def _curl(path: str, method: str, schema: Document) -> str:
    for name in ("store", "product", "run_id"):
        path = path.replace(f"{{{name}}}", str(EXAMPLES[name]))
    if method == "get":
        return f"curl 127.0.0.1:PORT{path}"
    fields = schema.get("properties", {})
    wanted = schema.get("required") or [name for name in ("store", "days") if name in fields]
    body = json.dumps({name: _example(name, fields[name]) for name in wanted})
    return f"curl 127.0.0.1:PORT{path} -H 'content-type: application/json' \\\n  -d {_quoted(body)}"


def _example(name: str, schema: Document) -> Any:
    if name in EXAMPLES:
        return EXAMPLES[name]
    return schema["enum"][0] if "enum" in schema else schema.get("default")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

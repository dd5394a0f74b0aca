import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from events import asyncapi
from events.payloads import PAYLOADS
from events.topics import DEAD_LETTERS, TOPICS

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json").read_text())
GOLDEN = Path(__file__).parents[1] / "golden"


def resolved(payload_name: str) -> dict:
    schema = json.dumps(asyncapi.document()["components"]["schemas"])
    definitions = json.loads(schema.replace("#/components/schemas/", "#/definitions/"))
    return {"$ref": f"#/definitions/{payload_name}", "definitions": definitions}


def test_the_document_is_valid_asyncapi():
    document = yaml.safe_load(asyncapi.as_yaml())
    assert [e.message for e in Draft7Validator(SCHEMA).iter_errors(document)] == []


def test_the_schema_would_find_a_mistake():
    document = asyncapi.document()
    document["channels"]["sales"]["bindings"]["kafka"]["partitions"] = "six"
    assert not Draft7Validator(SCHEMA).is_valid(document)


def test_every_reference_of_the_document_leads_somewhere():
    document = asyncapi.document()

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            found = [node["$ref"]] if "$ref" in node else []
            return found + [ref for child in node.values() for ref in references(child)]
        if isinstance(node, list):
            return [ref for child in node for ref in references(child)]
        return []

    for reference in references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_topic_is_a_channel_as_kafka_has_it():
    channels = asyncapi.document()["channels"]
    assert list(channels) == list(TOPICS)
    for name, topic in TOPICS.items():
        kafka = channels[name]["bindings"]["kafka"]
        configuration = {
            key: ",".join(value) if isinstance(value, list) else str(value)
            for key, value in kafka["topicConfiguration"].items()
        }
        assert kafka["partitions"] == topic.partitions
        assert configuration == topic.config


def test_every_payload_is_a_message_of_its_channel_and_dead_letters_have_their_own():
    document = asyncapi.document()
    for payload in PAYLOADS:
        assert payload.__name__ in document["channels"][payload.TOPIC]["messages"]
        message = document["components"]["messages"][payload.__name__]
        assert message["headers"]["properties"]["ce_type"] == {"const": payload.TYPE}
    assert list(document["channels"][DEAD_LETTERS]["messages"]) == ["DeadLetter"]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: p.TYPE)
def test_the_golden_event_keeps_to_the_document(payload):
    golden = json.loads((GOLDEN / f"{payload.TYPE}.json").read_text())
    headers = asyncapi.document()["components"]["messages"][payload.__name__]["headers"]
    Draft7Validator(headers).validate(golden["headers"])
    schema = resolved(payload.__name__)
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(golden["value"])


def test_the_same_contract_gives_the_same_text():
    assert asyncapi.as_yaml() == asyncapi.as_yaml()
    assert "&id" not in asyncapi.as_yaml(), "no YAML aliases: people read it"

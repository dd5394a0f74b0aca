from pathlib import Path

import pytest

from infra.local.kafka import KafkaNotFormatted, _escaped, _properties


def test_a_folder_of_any_name_survives_the_properties_file() -> None:
    assert _escaped("/tmp/plain") == "/tmp/plain"  # noqa: S108 - not used as a file
    assert _escaped("/häus/\\/🛒") == "/h\\u00e4us/\\\\/\\ud83d\\uded2"


def test_a_folder_whose_name_kafka_would_split_is_refused() -> None:
    with pytest.raises(KafkaNotFormatted, match="SHELFCAST_HOME"):
        _properties(Path("/a,b"), 1, 2)


def test_the_broker_listens_on_loopback_alone() -> None:
    text = _properties(Path("/data"), 1, 2)

    assert "listeners=BROKER://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n" in text
    assert "auto.create.topics.enable=false\n" in text

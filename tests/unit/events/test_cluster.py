"""A cluster is reached alike by Python's clients and by Java's."""

import ssl
from copy import copy

from events.cluster import Cluster

OPEN = Cluster("a:9092,b:9092")
AUTHORITIES = ssl.get_default_verify_paths().cafile
CLOSED = Cluster("a:9093", "SASL_SSL", "SCRAM-SHA-256", 'o"ne', "b\\c", AUTHORITIES)


def test_without_more_a_client_is_told_the_address_alone():
    assert OPEN.aiokafka == {"bootstrap_servers": "a:9092,b:9092"}
    assert OPEN.java == {"bootstrap.servers": "a:9092,b:9092"}


def test_python_clients_prove_who_they_are_and_check_the_broker():
    given = CLOSED.aiokafka
    context = given.pop("ssl_context")
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert given == {
        "bootstrap_servers": "a:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": 'o"ne',
        "sasl_plain_password": "b\\c",
    }


def test_java_clients_are_told_the_same_with_quotes_escaped():
    given = CLOSED.java
    assert given["security.protocol"] == "SASL_SSL"
    assert given["sasl.mechanism"] == "SCRAM-SHA-256"
    assert given["sasl.jaas.config"] == (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="o\\"ne" password="b\\\\c";'
    )


def test_a_password_is_not_shown_and_a_copy_goes_to_other_processes():
    assert "b\\\\c" not in repr(CLOSED)
    assert CLOSED.aiokafka["ssl_context"] is not None
    again = copy(CLOSED)
    assert again == CLOSED
    assert again.aiokafka["sasl_plain_password"] == "b\\c"

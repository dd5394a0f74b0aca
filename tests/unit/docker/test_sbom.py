from importlib.metadata import distribution

from infra.docker.sbom import bill, debian, jar, package
from infra.local.jars import Jar


def test_each_kind_of_component_has_the_name_by_which_advisories_know_it():
    jars = Jar("org.apache.kafka", "kafka-clients", "3.9.2", "ab" * 32)

    assert package(distribution("pydantic_core"))["purl"].startswith("pkg:pypi/pydantic-core@")
    assert jar(jars)["purl"] == "pkg:maven/org.apache.kafka/kafka-clients@3.9.2"
    assert jar(jars)["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert debian("libc6\t2.41-12\tamd64")["purl"] == "pkg:deb/debian/libc6@2.41-12?arch=amd64"
    assert debian("base\t1:2+b~1\tall")["purl"] == "pkg:deb/debian/base@1%3A2%2Bb~1?arch=all"


def test_what_is_found_twice_is_in_the_bill_once():
    one = debian("libc6\t2.41-12\tamd64")

    assert bill([one, one])["components"] == [one]

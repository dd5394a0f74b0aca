import pytest

from functions.api.media import preferred
from functions.api.problem_document import Refused

OFFERED = ("application/json", "application/x-ndjson")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("Application/X-NDJSON; charset=utf-8", "application/x-ndjson"),
        ("text/csv, application/x-ndjson;q=0.1", "application/x-ndjson"),
        ("application/json;q=0.5, application/x-ndjson;q=0.9", "application/x-ndjson"),
        ("application/json;q=0, */*", "application/x-ndjson"),
        ("application/json;q=much, application/x-ndjson;q=0.1", "application/x-ndjson"),
        ("application/json;q=nan, application/x-ndjson;q=0.1", "application/x-ndjson"),
    ],
)
def test_the_type_of_the_highest_quality_is_preferred(accept: str | None, expected: str):
    assert preferred(accept, OFFERED) == expected


@pytest.mark.parametrize("accept", ["text/csv", "text/*", "*/*;q=0", ",;,", "a/b;q=-1"])
def test_a_client_that_takes_none_of_them_is_refused(accept: str):
    with pytest.raises(Refused) as error:
        preferred(accept, OFFERED)
    assert error.value.kind.status == 406
    assert error.value.refusals[0].fix == "send one of application/json, application/x-ndjson"

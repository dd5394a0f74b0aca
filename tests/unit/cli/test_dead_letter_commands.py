import json

import pytest
from typer.testing import CliRunner

from events.dead_letters import REPLAYED_FROM, dead_letter, waiting
from events.errors import InvalidPayload, Unreadable
from events.log import Received, Record
from events.memory import MemoryLog
from events.topics import DEAD_LETTERS
from infra.cli.dead_letters import app, find
from infra.errors import BadInput
from tests.unit.cli.memory_broker import MemoryBroker


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    bad = Received("sales", b"1/total", b'{"units": -4}', [("ce_id", b"sale-1")], 2, 7)
    odd = Received("training-shards", b"run/1", b"\xff\x1b[31m", [], 0, 9)
    log.append(dead_letter(bad, "spark", InvalidPayload("units: must be 0 or more"), 1))
    log.append(dead_letter(odd, "trainer", Unreadable("ce_id: missing [bold]"), 1))
    return log


def run(log: MemoryLog, *arguments: str):
    return CliRunner().invoke(app, list(arguments), obj=MemoryBroker(log))


def ids(log: MemoryLog) -> list[str]:
    return [letter.id for letter in waiting(log.records(DEAD_LETTERS))]


def test_the_list_tells_what_waits_and_why(log: MemoryLog) -> None:
    result = run(log, "list")
    assert result.exit_code == 0
    for text in (ids(log)[0][:8], "sales", "1/total", "InvalidPayload", "[bold]", "2 waiting"):
        assert text in result.stdout


def test_the_list_as_json_is_one_array_of_a_topic(log: MemoryLog) -> None:
    result = run(log, "list", "--topic", "sales", "--json")
    (letter,) = json.loads(result.stdout)
    assert letter["id"] == ids(log)[0]
    assert letter["message"] == "units: must be 0 or more"


def test_the_newest_are_shown_up_to_the_limit(log: MemoryLog) -> None:
    result = run(log, "list", "--limit", "1")
    assert "training-shards" in result.stdout
    assert "1 older ones are not shown" in result.stdout


def test_no_dead_letters_is_said(log: MemoryLog) -> None:
    assert run(MemoryLog(), "list").stdout == "No dead letters wait.\n"
    assert run(MemoryLog(), "list", "--json").stdout == "[]\n"
    assert run(MemoryLog(), "replay", "--all").stdout == "No dead letters wait.\n"


def test_a_letter_is_shown_whole_by_the_start_of_its_id(log: MemoryLog) -> None:
    result = run(log, "show", ids(log)[0][:6], "--json")
    letter = json.loads(result.stdout)
    assert letter["value"] == {"units": -4}
    assert letter["headers"] == {"ce_id": "sale-1"}
    assert (letter["partition"], letter["offset"], letter["group"]) == (2, 7, "spark")
    assert '"units": -4' in run(log, "show", ids(log)[0]).stdout


def test_a_binary_value_is_shown_in_hexadecimal(log: MemoryLog) -> None:
    result = run(log, "show", ids(log)[1])
    assert "ff 1b 5b 33 31 6d" in result.stdout
    assert "\x1b[31m" not in result.stdout


def test_a_replay_sends_the_original_and_then_marks_it(log: MemoryLog) -> None:
    first, second = ids(log)
    result = run(log, "replay", first[:8])
    assert result.stdout == "Replayed 1: 1 to sales\n"
    (sent,) = log.records("sales")
    assert (sent.key, sent.value) == (b"1/total", b'{"units": -4}')
    assert sent.headers == [("ce_id", b"sale-1"), (REPLAYED_FROM, first.encode())]
    assert ids(log) == [second]


def test_all_of_a_topic_are_replayed(log: MemoryLog) -> None:
    result = run(log, "replay", "--all", "--topic", "training-shards", "--json")
    assert json.loads(result.stdout) == {"replayed": 1, "topics": {"training-shards": 1}}
    assert len(ids(log)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "zzzz"], "no dead letter 'zzzz' waits"),
        (["replay"], "give either ids or --all"),
        (["replay", "--all", "a"], "give either ids or --all"),
        (["replay", "a", "--topic", "sales"], "goes with --all"),
        (["list", "--topic", "salez"], "did you mean sales?"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(
    log: MemoryLog, arguments: list[str], message: str
) -> None:
    result = run(log, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_start_that_fits_several_lists_them_and_a_near_miss_is_hinted_at(log: MemoryLog) -> None:
    letters = waiting(log.records(DEAD_LETTERS))
    with pytest.raises(BadInput, match="fits 2 dead letters"):
        find([""], letters)
    start = letters[0].id[:7]
    with pytest.raises(BadInput, match=f"near are {letters[0].id}"):
        find([start + ("0" if letters[0].id[7] != "0" else "1")], letters)


def test_junk_among_the_dead_letters_hides_none_of_them(log: MemoryLog) -> None:
    log.append(Record(DEAD_LETTERS, b"junk", b"no letter", []))
    assert len(json.loads(run(log, "list", "--json").stdout)) == 2


STEERING = "\x1b]52;c;eA==\x07 \u202e \x9b2J \u200b"


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["show"], ["show", "--json"]])
def test_no_producer_steers_a_terminal(words: list[str]) -> None:
    log = MemoryLog()
    value = json.dumps({STEERING: STEERING}, ensure_ascii=False).encode()
    original = Received("sales", STEERING.encode(), value, [(STEERING, STEERING.encode())], 0, 1)
    log.append(dead_letter(original, "g", InvalidPayload(STEERING), 1))
    result = run(log, *words, *(ids(log) if words[0] == "show" else ()))
    assert result.exit_code == 0
    assert all(c.isprintable() or c == "\n" for c in result.stdout)
    assert "u202e" in result.stdout


def test_a_letter_that_was_cut_says_so_and_is_not_replayed_and_others_are(log: MemoryLog) -> None:
    large = Received("sales", b"k", b"x" * 5_000_000, [], 1, 3)
    log.append(dead_letter(large, "spark", InvalidPayload("no"), 1))
    letter_id = ids(log)[-1]
    assert "of 5,000,000" in run(log, "show", letter_id).stdout
    assert "(cut:" in run(log, "list").stdout.replace("\n", "")
    refused = run(log, "replay", letter_id)
    assert refused.exit_code == 2
    assert "sales/1@3" in refused.stderr
    others = run(log, "replay", "--all", "--json")
    assert json.loads(others.stdout)["not_replayed"] == 1
    assert "Not replayed" in others.stderr
    assert ids(log) == [letter_id]


def test_many_letters_are_replayed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.cli.dead_letters.SENT_AT_ONCE", 3)
    log = MemoryLog()
    for n in range(10):
        original = Received("sales", b"k", b"{}", [], 0, n)
        log.append(dead_letter(original, "g", InvalidPayload("no"), 1))
    result = run(log, "replay", "--all", "--json")
    assert json.loads(result.stdout) == {"replayed": 10, "topics": {"sales": 10}}
    assert ids(log) == []
    assert len(log.records("sales")) == 10

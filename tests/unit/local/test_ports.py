import socket

from infra.local import ports


def test_the_port_of_last_time_is_kept_while_it_is_free() -> None:
    port = ports.choose(None, set())

    assert ports.choose(port, set()) == port


def test_a_port_taken_meanwhile_is_replaced() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as other:
        taken = other.getsockname()[1]

        assert not ports.is_free(taken)
        assert ports.accepts(taken)
        assert ports.choose(taken, set()) != taken


def test_a_port_promised_to_another_part_is_not_given_away() -> None:
    promised = ports.choose(None, set())

    assert ports.choose(promised, {promised}) != promised


def test_no_client_of_another_server_can_take_a_chosen_port() -> None:
    first_of_linux, first_of_macos = 32_768, 49_152

    assert ports.choose(None, set()) < min(first_of_linux, first_of_macos)


def test_nobody_answers_on_a_free_port() -> None:
    assert not ports.accepts(ports.choose(None, set()))

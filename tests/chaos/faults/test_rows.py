"""What rows make of answers: whole, without a model and said so, refused and said so, or wrong; streams put together again."""

import socket
import threading

import pytest

from chaos.faults.models import kind_of
from chaos.faults.readers import closed, read_to_the_end
from chaos.probing import Answered
from chaos.row import all_rows


def said(text, *, degraded=False, status=200):
    choices = [{"message": {"content": text}}]
    return Answered(status, {"choices": choices, "lattice": {"degraded": degraded}} if status == 200 else {"error": {}}, 0.1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said("question"), "whole"),
        (said("from memory", degraded=True), "degraded"),
        (said("something else"), "wrong"),
        (said("", status=503), "refused"),
        (said("", status=429), "refused"),
        (said("", status=500), "wrong"),
    ],
)
def test_an_answer_is_what_it_says_that_it_is(answer, kind):
    assert kind_of(answer, "question") == kind


def test_a_stream_is_put_together_from_its_chunks_also_where_one_is_cut():
    here, there = socket.socketpair()
    with here, there:
        events = b"data: one\n\n", b"data: [DONE]\n\n"
        writer = threading.Thread(target=send, args=(there, b"".join(b"%x\r\n%b\r\n" % (len(e), e) for e in events)))
        writer.start()
        here.settimeout(10)
        assert read_to_the_end(here).endswith("data: one\n\ndata: [DONE]\n\n")
        writer.join()


def send(connection, data):
    for begin in range(0, len(data), 5):
        connection.sendall(data[begin : begin + 5])
    connection.shutdown(socket.SHUT_WR)


def test_a_connection_is_closed_when_the_other_side_has_ended_it():
    here, there = socket.socketpair()
    with here:
        there.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        assert not closed(here)
        there.close()
        assert closed(here)


def test_rows_4_8_and_9_are_in_the_campaign():
    assert {row.number for row in all_rows()} >= {4, 8, 9}

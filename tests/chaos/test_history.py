"""What a client writes down is what the checker reads, also where the client was ended in the middle."""

from __future__ import annotations

from chaos.history import History, read


def test_an_operation_is_read_as_it_was_written(tmp_path):
    history = History(tmp_path / "c.jsonl", "c")
    op = history.begin("write", session="s", facts=["tea — 🍵"])
    history.end(op, "ok", ids=["i"])
    history.close()

    [operation] = read(tmp_path)
    assert (operation.client, operation.op, operation.do, operation.outcome) == ("c", 1, "write", "ok")
    assert operation.told == {"session": "s", "facts": ["tea — 🍵"], "ids": ["i"]}


def test_an_operation_that_was_never_answered_is_pending_and_each_line_is_there_before_the_client_goes_on(tmp_path):
    history = History(tmp_path / "c.jsonl", "c")
    history.begin("read", session="s")

    [operation] = read(tmp_path)
    assert (operation.outcome, operation.ended, operation.took) == ("pending", None, 0.0)
    history.close()


def test_histories_of_all_clients_are_read_from_all_folders_below(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        history = History(tmp_path / place / "c.jsonl", place)
        history.end(history.begin("read"), "failed", error="gone")
        history.close()

    assert [operation.client for operation in read(tmp_path)] == ["one", "two"]

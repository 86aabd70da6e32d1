"""The commands against a house that runs: one `up --single-process` for all of them."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.children import child
from tests.commands.conftest import FOREIGN, ROOT, Run, Said
from transport.addresses import run_directory
from transport.lock import Lock

START_S = 90.0
STOP_S = 60.0


def loopback() -> str:
    """IPv6's, where this machine has any."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return "::1"
    except OSError:
        return "127.0.0.1"


@pytest.fixture(scope="module")
def house() -> Iterator[Path]:
    """The data directory of a house that runs."""
    data_dir = Path(tempfile.mkdtemp(prefix="lattice ü ")) / "d"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    flags = ["--single-process", "--port", "0", "--host", loopback(), "--data-dir", str(data_dir)]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "up", *flags],
        cwd=data_dir.parent,
        env={**kept, "LATTICE_LLM__DISCOVER": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    output, until = b"", time.monotonic() + START_S
    while not re.search(rb"ready at http://(\[::1\]|127\.0\.0\.1):\d+", output):
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
        chunk = os.read(process.stdout.fileno(), 65536) if readable else b""
        output += chunk
        if not chunk:
            process.kill()
            process.communicate()
            pytest.fail(f"the house did not become ready:\n{output.decode()}")

    yield data_dir

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=STOP_S)
    assert process.returncode == 0
    shutil.rmtree(data_dir.parent)


def test_a_second_house_is_refused(run: Run, house: Path):
    run("up", "--port", "0", "--data-dir", house).refused("another house runs", str(house))


@pytest.mark.parametrize("name", ["d", "d" * 120])
def test_a_house_that_cannot_write_its_settings_down_says_so(short_dir: Path, name: str):
    # Files may have no byte, as on a full disk.
    up = f'ulimit -f 0; exec "$0" "{ROOT / "run.py"}" up --port 0 --data-dir "{short_dir / name}"'
    # Where a socket's path would be too long, the run directory is elsewhere.
    done = subprocess.run(
        ["sh", "-c", up, sys.executable],
        env=os.environ | {"XDG_RUNTIME_DIR": str(short_dir)},
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    Said(done.stdout + done.stderr, done.returncode).refused("the settings cannot be written down", "File too large")


def test_an_actor_that_runs_is_not_started_again(run: Run, house: Path):
    run("actor", "memory", "--data-dir", house).refused("memory runs", "already", str(house))


def test_every_help_example_of_send_works_as_written(run: Run, house: Path):
    said = run("send", "memory.remember", '{"memories": [{"text": "Ana lives in Porto"}]}', "--data-dir", house)
    assert json.loads(said.text)["memories"][0]["created"] is True
    said = run("send", "memory.recall", '{"query": "Where does Ana live?", "k": 3}', "--data-dir", house)
    assert json.loads(said.text)["memories"][0]["text"] == "Ana lives in Porto"
    said = run("send", "sys.ping", "--to", "llm", "--data-dir", house)
    assert json.loads(said.text)["name"] == "llm"


def test_a_name_that_no_actor_has_is_not_waited_for(run: Run, house: Path):
    run("send", "sys.ping", "--to", "nobody", "--data-dir", house).refused("no nobody runs")


def test_what_an_actor_refuses_is_told_with_the_field(run: Run, house: Path):
    run("send", "memory.recall", '{"query": 3}', "--data-dir", house).refused("invalid", "query")
    run("restart", "nobody", "--data-dir", house).refused("not_found", "nobody", "gateway")


def test_status_tells_that_all_are_ready(run: Run, house: Path):
    said = run("status", "--json", "--data-dir", house)
    assert said.code == 0
    assert {actor["state"] for actor in json.loads(said.text)["actors"]} == {"ready"}


def test_status_and_doctor_tell_what_was_set_aside(run: Run, house: Path):
    run_dir = run_directory(house)
    (run_dir / "memory.sock").unlink()
    (run_dir / "memory.sock").write_text("a note to myself")

    said = run("send", "sys.ping", "--to", "memory", "--data-dir", house)
    assert json.loads(said.text)["name"] == "memory"
    (aside,) = json.loads(run("status", "--json", "--data-dir", house).text)["set_aside"]
    assert (run_dir / aside).read_text() == "a note to myself"
    assert aside in run("status", "--data-dir", house).text
    assert aside in run("doctor", "--data-dir", house).text
    (run_dir / aside).unlink()


def test_an_export_comes_back_once(run: Run, house: Path, tmp_path: Path):
    memories = json.dumps({"namespace": "from", "memories": [{"text": f"Number {n}: ü"} for n in range(60)]})
    assert run("send", "memory.remember", memories, "--data-dir", house).code == 0
    backup = tmp_path / "backup.jsonl"
    assert "60 memories" in run("export", backup, "--namespace", "from", "--data-dir", house).text
    assert len(backup.read_text(encoding="utf-8").splitlines()) == 62

    # Elsewhere, and elsewhere again.
    assert "60 memories came in, 0" in run("import", backup, "--namespace", "to", "--data-dir", house).text
    assert "0 memories came in, 60" in run("import", backup, "--namespace", "to", "--data-dir", house).text


def test_a_backup_is_made_while_the_house_runs(run: Run, house: Path, tmp_path: Path):
    assert run("send", "memory.remember", '{"memories": [{"text": "in the backup"}]}', "--data-dir", house).code == 0
    said = run("backup", "house.tar", "--data-dir", house)
    assert said.code == 0, said.text
    with tarfile.open(tmp_path / "house.tar") as archive:
        assert {"manifest.json", "memory.db", "thinking.db", "paradox.db", "daemon.db"} <= set(archive.getnames())
        copied = archive.extractfile("memory.db")
        assert copied is not None
        assert b"in the backup" in copied.read()
    run("keys", "decrypt", "--data-dir", house, LATTICE_MEMORY_KEY="0" * 64).refused("another house runs")
    run("doctor", "--repair", "--data-dir", house).refused("another house runs")


@pytest.mark.parametrize("command", ["backup", "export"])
def test_a_link_keeps_its_place_and_so_does_a_pipe(run: Run, house: Path, tmp_path: Path, command: str):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    assert run(command, "link", "--data-dir", house).code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").stat().st_size

    os.mkfifo(tmp_path / "pipe")
    with child(["wc", "-c", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        said = run(command, "pipe", "--data-dir", house)
        assert said.code == 0, said.text
        assert (tmp_path / "pipe").is_fifo()
        read = reader.communicate(timeout=STOP_S)[0]
    assert int(read.split()[0])


def test_doctor_tells_the_endpoints_of_the_house_that_runs(run: Run, house: Path):
    said = run("doctor", "--data-dir", house, OPENAI_API_KEY="another shell's")
    assert "no model endpoint in the house that runs" in said.text

    endpoint = {"name": "added", "base_url": "http://127.0.0.1:1/v1"}
    assert run("send", "llm.add_endpoint", json.dumps({"endpoint": endpoint}), "--data-dir", house).code == 0
    said = run("doctor", "--data-dir", house, OPENAI_API_KEY="another shell's")
    assert "endpoint added at http://127.0.0.1:1/v1: " in said.text
    assert "endpoint openai" not in said.text
    assert run("send", "llm.remove_endpoint", '{"name": "added"}', "--data-dir", house).code == 0


def test_an_empty_namespace_makes_an_export_without_records(run: Run, house: Path, tmp_path: Path):
    old = tmp_path / "old.jsonl"
    old.write_text("of another day\n")
    assert run("export", old, "--namespace", "empty", "--data-dir", house).code == 0
    assert [set(json.loads(line)) & {"lattice"} for line in old.read_text().splitlines()] == [{"lattice"}, {"lattice"}]


def test_a_line_that_is_no_record_is_named_and_the_others_come_in(run: Run, house: Path, tmp_path: Path):
    (tmp_path / "partly.jsonl").write_bytes(b'{"text": "a"}\n\n[1]\n{"text": "b"}\n')
    said = run("import", "partly.jsonl", "--namespace", "partly", "--data-dir", house)
    said.refused("line 3", "1 entries")
    assert "2 memories came in" in said.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"text": "\xff"}', "UTF-8"),
        (b'{"text":', "line 1"),
        (b'{"text": "a", "time": "x"}', "time"),
    ],
)
def test_a_file_that_is_no_export_is_refused_with_the_line(run: Run, house: Path, tmp_path: Path, content: bytes, words: str):
    (tmp_path / "wrong.jsonl").write_bytes(content)
    run("import", "wrong.jsonl", "--namespace", "wrong", "--data-dir", house).refused(words)


def test_a_namespace_that_cannot_be_is_refused(run: Run, house: Path):
    run("export", "--namespace", "", "--data-dir", house).refused("--namespace")


def test_a_house_in_one_process_goes_on_after_a_hangup_and_when_nobody_watches(short_dir: Path):
    flags = ["--single-process", "--port", "0", "--data-dir", str(short_dir)]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "up", *flags],
        cwd=short_dir,
        env={**os.environ, "LATTICE_LLM__DISCOVER": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as watched:
        for text in (b"starting the house in", b"ready at", b"No model endpoint in the settings"):
            while text not in (line := watched.readline()):
                assert line, "it ended"

        process.send_signal(signal.SIGHUP)
        while b"the settings are read at the start only" not in (line := watched.readline()):
            assert line, "it ended"

    # What it says now, that its actors drain, goes nowhere.
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=STOP_S) == 0


def test_who_runs_before_the_house_does_is_named_at_once_with_its_process(short_dir: Path):
    with Lock(run_directory(short_dir) / "memory.lock"):
        flags = ["--single-process", "--port", "0", "--data-dir", str(short_dir)]
        process = subprocess.Popen([sys.executable, str(ROOT / "run.py"), "up", *flags], cwd=short_dir, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert b"starting the house in" in process.stdout.readline()
        told = process.stdout.readline().decode()
        process.kill()
        process.communicate()

    assert told == f"memory       runs by itself already (process {os.getpid()}); the house's own comes when that one ends\n"

"""Data directories that cannot be used, and actors that are not there: every command says so and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from actors.sqlite.damage import SOUND, Salvaged, report_aside
from run import main
from tests.children import child
from tests.commands.conftest import ROOT, Run, Said
from transport.lock import Lock


@pytest.mark.parametrize("command", [["up"], ["actor", "memory"], ["keys", "create", "a"], ["keys", "curve"], ["keys", "list"]])
def test_a_file_where_the_data_directory_should_be(run: Run, tmp_path: Path, command: list[str]):
    (tmp_path / "file").touch()
    run(*command, "--data-dir", tmp_path / "file").refused(str(tmp_path / "file"))


def test_a_link_where_the_run_directory_should_be_is_not_followed(run: Run, short_dir: Path):
    (short_dir / "run").symlink_to("/tmp")
    run("up", "--data-dir", short_dir).refused(f"{short_dir}/run is not a directory")
    said = run("doctor", "--data-dir", short_dir)
    assert said.code == 1
    assert f"wrong {short_dir}/run is not a directory" in said.text


@pytest.mark.parametrize("command", [["status"], ["send", "memory.stats"], ["restart", "llm"], ["export"]])
def test_no_house_is_said_and_none_is_made(run: Run, tmp_path: Path, command: list[str]):
    run(*command, "--data-dir", tmp_path / "none").refused(f"{tmp_path}/none", "run.py up")
    assert not (tmp_path / "none").exists()


def test_actors_without_a_house_are_named(run: Run, short_dir: Path):
    (short_dir / "run").mkdir(mode=0o700)
    with Lock(short_dir / "run" / "memory.lock"):
        run("status", "--data-dir", short_dir).refused(
            "no supervisor runs", "memory runs there by itself: ask each with", "run.py up"
        )
        run("send", "llm.endpoints", "--data-dir", short_dir).refused("memory runs there by itself", "run.py actor llm")
        with Lock(short_dir / "run" / "llm.lock"):
            run("status", "--data-dir", short_dir).refused("memory, llm run there, each by itself")


def test_a_socket_that_nobody_serves_is_not_waited_for(run: Run, short_dir: Path):
    (short_dir / "run").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(short_dir / "run" / "memory.sock"))
    (short_dir / "run" / "memory.lock").write_text("1\n")
    run("send", "memory.stats", "--timeout", "3600", "--data-dir", short_dir).refused("no memory runs")


def test_a_message_for_every_actor_needs_one_actor(run: Run):
    run("send", "sys.ping").refused("--to")


@pytest.mark.parametrize("timeout", ["nan", "inf", "0", "-1", "1e12"])
def test_a_timeout_is_a_time(run: Run, timeout: str):
    run("send", "memory.stats", "--timeout", timeout).refused("--timeout")


def test_what_is_no_json_is_not_sent(run: Run):
    run("send", "memory.recall", "{query}").refused("not JSON")


def test_what_is_nested_without_end_is_not_sent(run: Run):
    run("send", "memory.recall", "[" * 100_000).refused("nested")


def test_an_unknown_type_is_answered_with_those_that_there_are(run: Run):
    run("send", "memory.nope").refused("memory.nope", "memory.recall", "thinking.think")


def test_beyond_loopback_a_key_is_needed_first(run: Run, short_dir: Path):
    run("up", "--host", "0.0.0.0", "--data-dir", short_dir).refused("0.0.0.0", "run.py keys create")
    said = run("doctor", "--data-dir", short_dir, LATTICE_GATEWAY__HOST="0.0.0.0")
    assert said.code == 1
    assert "run.py keys create" in said.text


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 300])
def test_a_key_has_a_name_for_one_line(run: Run, short_dir: Path, name: str):
    run("keys", "create", name, "--data-dir", short_dir).refused("key")


def test_a_curve_key_stays_in_its_directory(run: Run, short_dir: Path):
    run("keys", "curve", "../../escaped", "--data-dir", short_dir / "d").refused("escaped")
    assert not list(short_dir.rglob("escaped.key"))


def test_a_file_that_is_in_the_way_is_named(run: Run, short_dir: Path):
    (short_dir / "keys").touch()
    run("keys", "curve", "--data-dir", short_dir).refused(f"{short_dir}/keys")
    run("keys", "curve", "a", "--allow", "x" * 40, "--data-dir", short_dir).refused(f"{short_dir}/keys")


def test_a_client_is_let_in_under_a_name(run: Run, short_dir: Path):
    said = run("keys", "curve", "--allow", "x" * 40, "--data-dir", short_dir)
    assert said.code == 2
    assert "under which name" in said.text
    assert not (short_dir / "keys").exists()


def test_an_empty_list_of_keys_is_said(run: Run, short_dir: Path):
    said = run("keys", "list", "--data-dir", short_dir)
    assert said.code == 0
    assert "run.py keys create" in said.text


def test_an_empty_data_directory_is_not_the_working_directory(run: Run, tmp_path: Path):
    said = run("keys", "create", "a", "--data-dir", "")
    assert said.code == 2
    assert "--data-dir" in said.text
    run("keys", "create", "a", LATTICE_DATA_DIR="").refused("data_dir", "no path")
    assert list(tmp_path.iterdir()) == []


def test_a_relative_place_for_data_is_passed_over(run: Run, tmp_path: Path):
    run("status", XDG_DATA_HOME="relative").refused(str(tmp_path / ".local" / "share" / "lattice"))


def test_standard_streams_that_are_closed_are_nowhere(short_dir: Path):
    line = 'exec "$0" "$1" keys create a --data-dir "$2" <&- >&- 2>"$2/said"'
    done = subprocess.run(["sh", "-c", line, sys.executable, str(ROOT / "run.py"), str(short_dir)], timeout=50, check=False)
    assert (done.returncode, (short_dir / "said").read_text()) == (0, "")
    assert json.loads((short_dir / "api_keys.json").read_text())["keys"][0]["name"] == "a"


def test_an_output_that_takes_nothing_more_is_told_in_a_sentence():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, ROOT / "run.py", "keys", "new"], stdout=full, stderr=subprocess.PIPE, timeout=50, check=False
        )
    Said(done.stderr.decode(), done.returncode).refused("No space left on device")


def test_who_interrupts_a_command_while_it_is_imported_sees_no_stack(short_dir: Path):
    # A module of this name, and what stands behind it waits until it is interrupted.
    (short_dir / "tomllib.py").write_text("import signal\nprint('importing', flush=True)\nsignal.pause()\n")
    with child(
        [sys.executable, ROOT / "run.py", "status"],
        env=os.environ | {"PYTHONPATH": str(short_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=50) == ("", "")
    assert process.returncode == -signal.SIGINT


def commands(group: click.Group, name: str = "python3 run.py") -> Iterator[tuple[str, click.Command]]:
    """Every command that help lists."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {command.name}")
        if not command.hidden:
            yield f"{name} {command.name}", command


@pytest.mark.parametrize(("name", "command"), [*commands(main)])
def test_the_help_of_every_command_has_an_example(name: str, command: click.Command):
    examples = (command.help or "").partition("Example")[2]
    assert name in examples


def test_a_data_directory_whose_path_is_too_long_for_its_databases_is_refused(run: Run, short_dir: Path):
    long = short_dir / ("x" * 200) / ("y" * 200) / "data"
    run("up", "--data-dir", long).refused("400", "--data-dir")
    assert not long.parent.parent.exists()


def test_a_damaged_database_is_found(run: Run, short_dir: Path):
    (short_dir / "memory.db").write_bytes(b"this was a database once" * 400)
    said = run("doctor", "--data-dir", short_dir)
    assert said.code == 1
    assert "wrong memory.db: " in said.text
    assert "run.py doctor --repair" in said.text


def test_what_was_set_aside_is_named_until_it_is_discarded(run: Run, short_dir: Path):
    (short_dir / "memory.db").write_bytes(b"this was a database once" * 400)
    run("doctor", "--repair", "--data-dir", short_dir)
    (short_dir / "llm.db.damaged-20260101T000000Z-rest").write_bytes(b"left of an interrupted recovery")
    said = run("doctor", "--data-dir", short_dir)
    assert "note  memory.db was damaged" in said.text
    assert "note  llm.db.damaged-20260101T000000Z-rest was set aside, and has no report" in said.text
    assert "run.py doctor --discard" in said.text

    said = run("doctor", "--discard", "--data-dir", short_dir)
    assert "llm.db.damaged-20260101T000000Z-rest: deleted" in said.text
    assert "set aside" not in said.text
    assert not list(short_dir.glob("*.damaged-*"))
    assert (short_dir / "memory.db").exists()


@pytest.mark.parametrize("why", SOUND)
def test_what_need_not_be_damaged_is_never_discarded(run: Run, short_dir: Path, why: str):
    backup = report_aside(short_dir / "memory.db", why, Salvaged())
    backup.write_bytes(b"a sound database")
    said = run("doctor", "--discard", "--data-dir", short_dir)
    assert f"{backup.name} was set aside: {why}" in said.text
    assert ": deleted" not in said.text
    assert backup.read_bytes() == b"a sound database"


def test_who_repairs_is_to_read_the_report_before_anything_is_discarded(run: Run, short_dir: Path):
    (short_dir / "memory.db").write_bytes(b"this was a database once" * 400)
    said = run("doctor", "--repair", "--discard", "--data-dir", short_dir)
    assert said.code == 2
    assert "read its report first" in said.text
    assert not list(short_dir.glob("*.damaged-*"))


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("restoring-0123abcd", "is left of it, and nothing is in its place"),
        ("restored-0123abcd", "a restore was broken off: memory.db lies in"),
    ],
)
def test_a_restore_that_was_broken_off_is_found(run: Run, short_dir: Path, part: str, told: str):
    (short_dir / part).mkdir()
    (short_dir / part / "memory.db").write_bytes(b"")
    said = run("doctor", "--data-dir", short_dir)
    assert said.code == 1
    assert "wrong a restore was broken off: " in said.text
    assert told in said.text


def test_what_stands_in_the_way_of_a_restore_that_was_broken_off_is_named(run: Run, short_dir: Path):
    for name in ("restored-0123abcd", "restored-89abcdef"):
        (short_dir / name).mkdir()
    (short_dir / "restored-0123abcd" / "memory.db").write_bytes(b"")
    (short_dir / "memory.db-wal").write_bytes(b"")
    said = run("doctor", "--data-dir", short_dir)
    assert "memory.db-wal stands in its place: move one of the two away" in said.text
    assert "restored-89abcdef" not in said.text


def test_a_directory_where_a_database_should_be_is_found_and_the_rest_is_looked_at(run: Run, short_dir: Path):
    (short_dir / "memory.db").mkdir()
    said = run("doctor", "--data-dir", short_dir)
    assert said.code == 1
    assert "wrong memory.db: it is no file" in said.text
    assert "API keys" in said.text


def test_what_is_wrong_with_the_run_directory_is_one_finding_among_others(run: Run, short_dir: Path):
    (short_dir / "run").write_text("")
    said = run("doctor", "--data-dir", short_dir)
    assert said.code == 1
    assert f"wrong {short_dir / 'run'} is not a directory" in said.text
    assert "endpoint" in said.text


def test_the_test_commands_help_is_its_own(run: Run):
    said = run("test", "--help")
    assert said.code == 0
    assert "--lint" in said.text

"""What `up` ends with, all that a service manager knows of it: 78 where only a person can mend it, 2 for a wrong command."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.commands.conftest import Run, Said
from transport.lock import Lock

ENDPOINT = '[[llm.endpoints]]\nname = "a"\nbase_url = "http://127.0.0.1:1/v1"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gateway]\nprot = 1", "gateway.prot: there is no such setting"),
        ("[gateway]\nport =", "not valid TOML"),
        (f"{ENDPOINT}dialect = 'klingon'", "there is no dialect 'klingon'"),
        (f"{ENDPOINT}api_key_file = '/nowhere'", "the key file /nowhere cannot be read"),
    ],
)
def test_wrong_settings_end_with_78(run: Run, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "lattice.toml").write_text(text)
    ended(run("up"), os.EX_CONFIG, words)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"LATTICE_NO_SUCH": "1"}, "LATTICE_NO_SUCH"),
        ({"LATTICE_LLM__ENDPOINTS": "{"}, "is not JSON"),
        ({"LATTICE_LOG_LEVEL": "LOUD"}, "LATTICE_LOG_LEVEL"),
        ({"LATTICE_MEMORY_KEY": "abc"}, "LATTICE_MEMORY_KEY"),
        ({"LATTICE_MEMORY_KEY_FILE": "/nowhere"}, "the key file /nowhere cannot be read"),
        ({"OPENAI_BASE_URL": "nowhere", "OPENAI_API_KEY": "x"}, "OPENAI_BASE_URL"),
    ],
)
def test_wrong_variables_end_with_78(run: Run, short_dir: Path, variables: dict[str, str], words: str) -> None:
    ended(run("up", "--port", "0", "--data-dir", short_dir, **variables), os.EX_CONFIG, words)


def test_a_settings_file_that_is_not_there_ends_with_78(run: Run, tmp_path: Path) -> None:
    ended(run("up", "--config", tmp_path / "none.toml"), os.EX_CONFIG, "none.toml")


def test_a_bind_beyond_loopback_without_keys_ends_with_78(run: Run, short_dir: Path) -> None:
    ended(run("up", "--host", "0.0.0.0", "--port", "0", "--data-dir", short_dir), os.EX_CONFIG, "run.py keys create")


def test_a_port_that_is_taken_ends_with_78(run: Run, short_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run("up", "--port", str(taken.getsockname()[1]), "--data-dir", short_dir)
    ended(said, os.EX_CONFIG, "Address already in use; take another with --port")


def test_an_address_that_may_come_with_its_network_is_tried_again(run: Run, short_dir: Path) -> None:
    assert run("keys", "create", "a", "--data-dir", short_dir).code == 0
    # Of a range that is for documentation: nobody has it.
    ended(run("up", "--host", "192.0.2.1", "--port", "0", "--data-dir", short_dir), 1, "cannot listen on 192.0.2.1:0")


@pytest.mark.parametrize("place", ["file", "file/below", "loop", "run is a file"])
def test_a_data_directory_that_cannot_be_had_ends_with_78(run: Run, short_dir: Path, place: str) -> None:
    (short_dir / "file").touch()
    (short_dir / "loop").symlink_to("loop")
    (short_dir / "run is a file").mkdir()
    (short_dir / "run is a file" / "run").touch()
    ended(run("up", "--port", "0", "--data-dir", short_dir / place), os.EX_CONFIG, str(short_dir))


def test_keys_that_are_no_keys_end_with_78(run: Run, short_dir: Path) -> None:
    (short_dir / "api_keys.json").write_text("{")
    ended(run("up", "--host", "0.0.0.0", "--port", "0", "--data-dir", short_dir), os.EX_CONFIG, "api_keys.json")


def test_who_is_in_the_way_for_now_is_waited_for_by_a_restart(run: Run, short_dir: Path) -> None:
    # A backup, a repair, or a house that still drains.
    with Lock(short_dir / "house.lock"):
        ended(run("up", "--port", "0", "--data-dir", short_dir), 1, "another house runs")


@pytest.mark.parametrize("words", [["up", "--prot", "1"], ["up", "--port", "x"], ["actor", "nobody"], ["upp"]])
def test_a_wrong_command_line_ends_with_2(run: Run, words: list[str]) -> None:
    ended(run(*words), 2, "Error: ")


def ended(said: Said, code: int, words: str) -> None:
    """With this status, and in a sentence."""
    said.refused(words)
    assert said.code == code, said.text

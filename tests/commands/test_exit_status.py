"""What `up` ends with, all that a service manager knows of it: 78 where only a person can mend it, 2 for a wrong command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.children import child
from tests.commands.conftest import FOREIGN, ROOT, Run, Said
from transport.addresses import run_directory
from transport.lock import Lock

ENDPOINT = '[[llm.endpoints]]\nname = "a"\nbase_url = "http://127.0.0.1:1/v1"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gateway]\nprot = 1", "gateway.prot: there is no such setting"),
        ("[gateway]\nport =", "not valid TOML"),
        (f"{ENDPOINT}dialect = 'klingon'", "there is no dialect 'klingon'"),
        (f"{ENDPOINT}api_key_file = '/'", "the key file / is no file"),
        (f"{ENDPOINT}api_key_file = '/nowhere'\n[thinking]\npersona_file = '/nowhere'", "thinking.persona_file"),
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
        ({"LATTICE_MEMORY_KEY_FILE": "/"}, "the key file / cannot be read"),
        ({"OPENAI_BASE_URL": "nowhere", "OPENAI_API_KEY": "x"}, "OPENAI_BASE_URL"),
    ],
)
def test_wrong_variables_end_with_78(run: Run, short_dir: Path, variables: dict[str, str], words: str) -> None:
    ended(run("up", "--port", "0", "--data-dir", short_dir, **variables), os.EX_CONFIG, words)


def test_a_settings_file_that_is_not_there_ends_with_78(run: Run, tmp_path: Path) -> None:
    ended(run("up", "--config", tmp_path / "none.toml"), os.EX_CONFIG, "none.toml")


def test_a_bind_beyond_loopback_without_keys_ends_with_78(run: Run, short_dir: Path) -> None:
    ended(run("up", "--host", "0.0.0.0", "--port", "0", "--data-dir", short_dir), os.EX_CONFIG, "run.py keys create")


def test_a_port_that_is_taken_is_tried_again(run: Run, short_dir: Path) -> None:
    # By a predecessor that drains, or by anybody's outgoing connection.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = run("up", "--port", str(taken.getsockname()[1]), "--data-dir", short_dir)
    ended(said, 1, "Address already in use; take another with --port")


def test_a_key_file_that_is_not_there_yet_is_tried_again(run: Run, tmp_path: Path, short_dir: Path) -> None:
    # Who keeps secrets may write it a second later.
    key = tmp_path / "key"
    (tmp_path / "lattice.toml").write_text(f"{ENDPOINT}api_key_file = '{key}'")
    ended(run("up", "--port", "0", "--data-dir", short_dir), 1, f"the key file {key} cannot be read")
    key.write_text("sk-1")
    said = run("up", "--port", "0", "--data-dir", short_dir, LATTICE_MEMORY_KEY_FILE=str(tmp_path / "memory-key"))
    ended(said, 1, f"the key file {tmp_path / 'memory-key'} cannot be read")


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


def test_a_house_that_loses_its_python_to_an_upgrade_is_started_again(short_dir: Path) -> None:
    python = short_dir / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", short_dir / "venv"], check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    packages = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "HOME": str(short_dir)}
    data_dir = short_dir / "data"
    command = [python, ROOT / "run.py", "up", "--port", "0", "--data-dir", data_dir]
    with child(command, env=kept | packages, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=short_dir) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert any(b"Lattice is ready at" in line for line in process.stdout)
        supervisor = Lock(run_directory(data_dir) / "supervisor.lock").holder
        assert supervisor is not None
        python.unlink()
        os.kill(supervisor, signal.SIGKILL)
        said = process.stderr.read().decode()
        assert f"Error: {python}: No such file or directory" in said
        assert process.wait() == 1


@pytest.mark.parametrize("words", [["up", "--prot", "1"], ["up", "--port", "x"], ["actor", "nobody"], ["upp"]])
def test_a_wrong_command_line_ends_with_2(run: Run, words: list[str]) -> None:
    ended(run(*words), 2, "Error: ")


def ended(said: Said, code: int, words: str) -> None:
    """With this status, and in a sentence."""
    said.refused(words)
    assert said.code == code, said.text

"""Whatever is wrong with the settings, the command says which one, in a sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import pytest

from actors.limits import ProcessLimits
from actors.paradox.settings import ParadoxSettings
from actors.supervision import RestartChild
from actors.thinking.persona import Persona
from commands.house import House
from commands.reload import Unfinished, apply, changed_actors, renew
from gateway.settings import GatewaySettings
from run import Composition, Settings
from tests.commands.conftest import Run
from transport.errors import Unavailable

ENDPOINT = '[[llm.endpoints]]\nname = "a"\n'
URL = 'base_url = "http://127.0.0.1:1/v1"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[gateway]\nport =", ["not valid TOML", "at"]),
        (b"\xff\xfe", ["not valid TOML", "byte 0"]),
        (b'data_dir = "a\\u0000b"', ["wrong.toml:1: data_dir: ", "is no path"]),
        (b"[limits]\nmemory_mb = 99999999999999999999", ["wrong.toml:2: limits.memory_mb: "]),
        (b"[thinking]\nkept_days = inf", ["wrong.toml:2: thinking.kept_days: "]),
        (b"[llm]\nmax_response_bytes = 99999999999", ["wrong.toml:2: llm.max_response_bytes: ", "or equal to 1073741824"]),
        (b"port = 8080", ["port: there is no such setting"]),
        (b"\xef\xbb\xbf[gateway]\nprt = 1", ["wrong.toml:2: gateway.prt: there is no such setting"]),
        pytest.param(b"a = " + b"[" * 100_000, ["not valid TOML", "nested too deeply"], id="deep"),
        pytest.param(b"[limits]\nmemory_mb = " + b"9" * 10_000, ["not valid TOML", "too many digits"], id="digits"),
        pytest.param(b"#" * (1 << 20) + b"#", ["larger than 1 MiB"], id="large"),
        (b"[addresses]\nmemory = {address = 'tcp://h:70000'}", ["wrong.toml:2: addresses.memory.address: a port is"]),
        (
            b"[addresses]\nmemory = {address = 'tcp://h:1', key = '########################################'}",
            ["wrong.toml:2: addresses.memory.key: a public key has 40 characters of Z85"],
        ),
        (b"[gateway]\nport = 'x'\nprot = 1", ["gateway.port: ", "gateway.prot: there is no such setting"]),
        (ENDPOINT.encode() + b"api_key = 'sk-123'", ["llm.endpoints.0.api_key: there is no such setting"]),
        (ENDPOINT.encode() + b"base_url = 'nope'", ["wrong.toml:3: llm.endpoints.0.base_url: 'nope' is no URL"]),
        (
            f"# Two\n{ENDPOINT}{URL}dialect = 'klingon'\nconnect_timeout_s = -1\n[[llm.endpoints]]\nname = 'b'\n".encode(),
            [
                "wrong.toml:5: llm.endpoints.0.dialect: there is no dialect 'klingon'",
                "wrong.toml:6: llm.endpoints.0.connect_timeout_s: a timeout is more than 0 seconds",
                "wrong.toml:7: llm.endpoints.1.base_url: Field required",
            ],
        ),
        (f"{ENDPOINT}{URL}{ENDPOINT}{URL}".encode(), ["wrong.toml:5: llm.endpoints.1.name: two endpoints are called 'a'"]),
    ],
)
def test_a_wrong_file_is_named_with_the_setting(run: Run, tmp_path: Path, text: bytes, words: list[str]):
    path = tmp_path / "wrong.toml"
    path.write_bytes(text)
    said = run("doctor", "--config", path)
    said.refused("wrong.toml", *words)
    assert "sk-123" not in said.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            f"{ENDPOINT}{URL}api_key_file = '/nowhere'\n",
            "wrong.toml:4: llm.endpoints.0.api_key_file: endpoint 'a': the key file /nowhere cannot be read: No such file",
        ),
        (f"{ENDPOINT}{URL}api_key_file = '/dev/zero'\n", "wrong.toml:4: llm.endpoints.0.api_key_file: "),
        (f"{ENDPOINT}{URL}api_key_file = '/tmp'\n", "wrong.toml:4: llm.endpoints.0.api_key_file: "),
        (
            "[thinking]\npersona_file = '/nowhere.md'\n",
            "wrong.toml:2: thinking.persona_file: /nowhere.md cannot be read: No such file",
        ),
        ("[thinking]\npersona_file = '~nobody-of-that-name/x'\n", "wrong.toml:2: thinking.persona_file: "),
        ("[paradox]\n\nclassifier_file = '/nowhere.onnx'\n", "wrong.toml:3: paradox.classifier_file: /nowhere.onnx is no file"),
        ("[encoder]\ncache_dir = '/dev/null/cache'\n", "wrong.toml:2: encoder.cache_dir: "),
    ],
)
def test_a_file_that_a_setting_names_in_vain_stops_the_start(run: Run, tmp_path: Path, text: str, words: str):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    run("up", "--config", path).refused(words)


def test_a_key_to_the_databases_that_is_not_there_stops_the_start(run: Run):
    run("up", LATTICE_MEMORY_KEY_FILE="/nowhere").refused("the key file /nowhere cannot be read: No such file")


def test_a_file_that_is_gone_keeps_no_replacement_from_its_work(tmp_path: Path):
    key, persona = tmp_path / "key", tmp_path / "persona.md"
    key.write_text("sk-1")
    persona.write_text("You are kind.")
    config = tmp_path / "right.toml"
    config.write_text(f"[thinking]\npersona_file = '{persona}'\n{ENDPOINT}{URL}api_key_file = '{key}'\n")
    composition = Composition()
    settings = composition.load_settings(config, {"data_dir": tmp_path})
    composition.write_settings(settings, tmp_path)
    key.unlink()
    persona.unlink()

    again = composition.read_settings(tmp_path)
    assert again.llm.endpoints[0].key() is None
    assert "cannot be read" in again.llm.endpoints[0].key_problem()
    assert Persona("", again.thinking.persona_file).text == ""


def test_a_file_that_is_not_there_is_named(run: Run, tmp_path: Path):
    run("up", "--config", tmp_path / "none.toml").refused("none.toml")


@pytest.mark.parametrize("kind", ["directory", "pipe", "link to nothing", "link to itself"])
@pytest.mark.parametrize("arguments", [(), ("--config", "lattice.toml")], ids=["found", "named"])
def test_what_is_no_file_is_not_passed_over(run: Run, tmp_path: Path, kind: str, arguments: tuple[str, ...]):
    path = tmp_path / "lattice.toml"
    match kind:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("nothing" if kind == "link to nothing" else path.name)
    run("status", *arguments).refused("lattice.toml is no file")


def test_a_data_directory_that_is_a_link_to_itself_is_told(run: Run, tmp_path: Path):
    (tmp_path / "data").symlink_to("data")
    run("status", "--data-dir", tmp_path / "data").refused("is a link that leads to itself")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LATTICE_NOPE", "1", ["LATTICE_NOPE", "no such setting"]),
        ("LATTICE_GATEWAY__PRT", "1", ["gateway.prt", "no such setting"]),
        ("LATTICE_GATEWAY", "{", ["LATTICE_GATEWAY", "not JSON"]),
        pytest.param("LATTICE_GATEWAY", "[" * 60_000, ["nested too deeply"], id="deep"),
        ("LATTICE_LLM__ENDPOINTS", "junk", ["LATTICE_LLM__ENDPOINTS in the environment is not JSON"]),
        ("LATTICE_GATEWAY", '{"prt": 1}', ["LATTICE_GATEWAY in the environment: gateway.prt: there is no such setting"]),
        ("LATTICE_LOG_LEVEL", "loud", ["LATTICE_LOG_LEVEL", "LOUD"]),
        ("OPENAI_BASE_URL", "nope", ["OPENAI_BASE_URL: 'nope' is no URL"]),
    ],
)
def test_a_wrong_variable_is_named(run: Run, name: str, value: str, words: list[str]):
    run("doctor", **{name: value}).refused(*words)


def test_a_variable_wins_over_the_file(run: Run, tmp_path: Path):
    (tmp_path / "lattice.toml").write_text("[gateway]\nport = 18001\n")
    assert "127.0.0.1:18002" in run("doctor", LATTICE_GATEWAY__PORT="18002").text


@pytest.mark.parametrize("variable", ["gateway", "data_dir"])
def test_where_a_house_is_cannot_change_while_it_runs(tmp_path: Path, variable: str):
    elsewhere = {"gateway": GatewaySettings(port=1), "data_dir": tmp_path / "elsewhere"}[variable]
    with pytest.raises(click.ClickException, match="cannot change while the house runs"):
        changed_actors(Settings(data_dir=tmp_path), Settings(**{"data_dir": tmp_path, variable: elsewhere}), Composition.actors)


def test_other_limits_are_every_actors_and_other_settings_their_own(tmp_path: Path):
    before = Settings(data_dir=tmp_path)
    assert changed_actors(before, Settings(data_dir=tmp_path), Composition.actors) == []
    narrow = Settings(data_dir=tmp_path, limits=ProcessLimits(calls=7))
    assert changed_actors(before, narrow, Composition.actors) == [*Composition.actors]
    quiet = Settings(data_dir=tmp_path, paradox=ParadoxSettings(follow=False))
    assert changed_actors(before, quiet, Composition.actors) == ["paradox"]


async def test_who_does_not_come_up_with_new_settings_is_named_and_keeps_no_other_from_them(tmp_path: Path, capsys) -> None:
    asked = []

    class Supervision:
        async def ask(self, message: Any, **_: Any) -> None:
            asked.append(message)
            if isinstance(message, RestartChild) and message.name == "llm":
                raise Unavailable("llm did not start: its disk is full")

    house = House(Composition(), Settings(data_dir=tmp_path))
    unfinished = Unfinished(tmp_path)
    unfinished.write(["llm", "thinking"])
    with pytest.raises(click.ClickException, match="restart llm"):
        await apply(house, Supervision(), ["llm", "thinking"], unfinished.done)
    assert unfinished.read() == ["llm"]

    assert [message.name for message in asked[1:]] == ["llm", "thinking"]
    said = capsys.readouterr().out
    assert "llm did not start: its disk is full" in said
    assert "thinking     runs with its new settings" in said


def test_whom_a_reload_that_was_killed_has_left_is_restarted_by_the_next(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Supervision:
        async def ask(self, message: Any, **_: Any) -> None:
            asked.append(getattr(message, "name", None))
            if asked == [None, "encoder", "memory"]:
                raise KeyboardInterrupt

    class Beside(House):
        async def with_actor(self, _: str, work: Any) -> Any:
            return await work(Supervision())

    house = Beside(Composition(), Settings(data_dir=tmp_path, limits=ProcessLimits(calls=7)))
    house.composition.write_settings(Settings(data_dir=tmp_path), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        renew(house, tmp_path)

    asked.clear()
    renew(house, tmp_path)
    assert asked == [None, *Composition.actors[1:]]

    asked.clear()
    renew(house, tmp_path)
    assert asked == [None]

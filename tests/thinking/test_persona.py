"""The persona: from a file of the user's own, read again when it changes."""

import pytest

import actors.thinking.persona as persona_module
from actors.thinking.messages import Think
from actors.thinking.persona import Persona
from actors.thinking.settings import ThinkingSettings
from tests.thinking.house import house
from tests.thinking.test_think import prompt_of, user


async def test_the_file_stands_first_in_every_prompt(short_dir, model, tmp_path) -> None:
    path = tmp_path / "persona.md"
    path.write_text("You are Ada's friend.\n")
    async with house(short_dir, url=model.base_url, persona_file=path) as host:
        await host.ref("thinking").ask(Think(messages=(user("Hello"),)))

    assert prompt_of(model.log()[-1]).startswith("You are Ada's friend.")


def test_an_edit_counts_without_a_restart_and_a_broken_file_changes_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(persona_module, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "persona.md"
    path.write_text("One.")
    persona = Persona("", path)

    assert persona.text == "One."
    path.write_text("Two, longer.")
    assert persona.text == "Two, longer."
    path.write_bytes(b"\xff\xfe broken")
    assert persona.text == "Two, longer."
    path.unlink()
    assert persona.text == "Two, longer."


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_a_problem_of_the_settings(tmp_path, content) -> None:
    path = tmp_path / "persona.md"
    if content is not None:
        path.write_bytes(content)

    [problem] = ThinkingSettings(persona_file=path).file_problems()
    assert problem.setting == ("persona_file",)
    assert str(path) in problem.reason


def test_a_process_that_takes_anothers_place_while_the_file_is_gone_reads_it_once_it_is_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(persona_module, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "persona.md"
    persona = Persona("", path)
    assert persona.text == ""
    path.write_text("One.")
    assert persona.text == "One."


def test_two_personas_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="only one of them"):
        ThinkingSettings(persona="One", persona_file="two.md")

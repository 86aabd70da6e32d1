"""Settings that cannot work are refused in a sentence that says what to change; endpoints are found without any."""

import pytest
from aiohttp import web
from pydantic import ValidationError

from actors.llm.dialects import DIALECTS
from actors.llm.discovery import from_environment
from actors.llm.local_ollama import local_ollama
from actors.llm.settings import DIALECTS as NAMES
from actors.llm.settings import EndpointSettings, LlmSettings

URL = "http://127.0.0.1:9101/v1"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"dialect": "klingon"}, "there is no dialect 'klingon'; there are: anthropic, ollama, openai, responses"),
        ({"base_url": "127.0.0.1:9101"}, "is no URL of an endpoint"),
        ({"base_url": "http://127.0.0.1:99999/v1"}, "is no URL of an endpoint"),
        ({"base_url": "http://me:secret@host/v1"}, "must not hold a password"),
        ({"first_token_timeout_s": -1}, "a timeout is more than 0 seconds, not -1"),
        ({"connect_timeout_s": 0}, "more than 0 seconds"),
        ({"total_timeout_s": float("nan")}, "finite"),
        ({"api_key": "sk-123"}, "api_key"),
        ({"api_key_env": "A", "api_key_file": "/b"}, "leave one out"),
        ({"weight": 0}, "greater than 0"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(changed, sentence) -> None:
    with pytest.raises(ValidationError, match=sentence) as error:
        EndpointSettings(**{"name": "first", "base_url": URL, **changed})
    if changed.get("base_url", "").startswith("http://me"):
        assert "more than" not in str(error.value)


def test_every_dialect_that_there_is_can_be_set() -> None:
    assert tuple(sorted(DIALECTS)) == NAMES


def test_an_endpoint_needs_a_url_and_a_name_of_its_own() -> None:
    with pytest.raises(ValidationError, match=r"base_url\n.*required"):
        LlmSettings.model_validate({"endpoints": [{"name": "a"}]})
    with pytest.raises(ValidationError, match="two endpoints are called 'a'"):
        LlmSettings.model_validate({"endpoints": [{"name": "a", "base_url": URL}, {"name": "a", "base_url": URL}]})


def test_a_key_is_read_from_where_it_is_kept_and_never_shown(tmp_path, monkeypatch) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")
    kept = EndpointSettings(name="a", base_url=URL, api_key_file=file)
    assert kept.key() == "sk-file"
    assert "sk-file" not in repr(kept) + kept.model_dump_json()
    monkeypatch.setenv("SOME_KEY", "sk-environment")
    assert EndpointSettings(name="a", base_url=URL, api_key_env="SOME_KEY").key() == "sk-environment"
    assert EndpointSettings(name="a", base_url=URL, api_key_env="NO_SUCH_KEY").key() is None


def test_endpoints_are_found_in_the_vendors_own_variables() -> None:
    assert from_environment({}) == []
    openai, anthropic = from_environment({"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b"})
    assert (openai.base_url, openai.api_key_env) == ("https://api.openai.com/v1", "OPENAI_API_KEY")
    assert (anthropic.dialect, anthropic.priority) == ("anthropic", 1)
    assert from_environment({"OPENAI_BASE_URL": URL})[0].base_url == URL


async def test_a_local_ollama_is_found_when_it_answers_and_not_waited_for_when_it_does_not() -> None:
    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": "0.9"})

    app = web.Application()
    app.add_routes([web.get("/api/version", version)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = "http://{}:{}".format(*runner.addresses[0])
    assert (await local_ollama(url)).base_url == f"{url}/v1"
    await runner.cleanup()
    assert await local_ollama(url) is None

"""API keys, and who gets in without one."""

from __future__ import annotations

import stat

import openai
import pytest

from gateway.auth import ApiKeys, KeyFile
from gateway.settings import GatewaySettings, check_bind
from tests.gateway.house import House, house
from transport.errors import Conflict, Invalid, NotFound


@pytest.fixture
def keys(short_dir) -> KeyFile:
    return KeyFile(short_dir / "data")


async def test_without_a_key_nothing_but_health_answers(short_dir) -> None:
    async with house(short_dir, parts=("memory",), require_keys=True) as lattice:
        assert (await lattice.call("GET", "/healthz"))[0] == 200
        for path in ("/v1/memories", "/v1/actors", "/metrics", "/v1/models"):
            status, told = await lattice.call("GET", path)
            assert (status, told["error"]["type"]) == (401, "authentication_error"), path
        with pytest.raises(openai.AuthenticationError, match="not known here"):
            await lattice.openai(api_key="lk_wrong").models.list()


@pytest.mark.parametrize("header", ["Authorization", "x-api-key"])
async def test_a_key_opens_as_openai_and_as_anthropic_send_it(short_dir, keys: KeyFile, header: str) -> None:
    secret = keys.create("laptop")
    shown = {header: f"Bearer {secret}" if header == "Authorization" else secret}
    async with house(short_dir, parts=("memory",), require_keys=True) as lattice:
        assert (await lattice.call("GET", "/v1/memories", headers=shown))[0] == 200


async def test_a_key_is_taken_and_refused_as_soon_as_it_is_made_and_revoked(short_dir, keys: KeyFile) -> None:
    async with house(short_dir, parts=("memory",), require_keys=True) as lattice:
        shown = {"x-api-key": keys.create("laptop")}
        assert (await lattice.call("GET", "/v1/memories", headers=shown))[0] == 200
        keys.revoke("laptop")
        assert (await lattice.call("GET", "/v1/memories", headers=shown))[0] == 401


async def test_a_key_of_one_namespace_opens_no_other_and_nothing_that_all_share(short_dir, keys: KeyFile) -> None:
    shown = {"x-api-key": keys.create("tenant", namespace="hers")}
    async with house(short_dir, parts=("memory",), require_keys=True) as lattice:
        await lattice.post("/v1/memories", {"text": "mine"}, **{"x-api-key": shown["x-api-key"]})
        listed = (await lattice.call("GET", "/v1/memories", headers=shown))[1]
        assert [memory["namespace"] for memory in listed["memories"]] == ["hers"]

        for options in (
            {"headers": {**shown, "X-Lattice-Namespace": "his"}},
            {"headers": shown, "params": {"namespace": "his"}},
        ):
            assert (await lattice.call("GET", "/v1/memories", **options))[0] == 403
        for path in ("/v1/actors", "/v1/daemon/cycles", "/v1/llm/endpoints", "/metrics"):
            assert (await lattice.call("GET", path, headers=shown))[0] == 403, path


async def test_on_loopback_any_key_will_do(lattice: House) -> None:
    assert (await lattice.openai(api_key="whatever").models.list()).data


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
async def test_pages_of_other_sites_cannot_use_a_gateway_without_keys(bare: House, headers: dict[str, str]) -> None:
    assert (await bare.call("GET", "/healthz", headers=headers))[0] == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://localhost:3000"}, {"Host": "localhost"}, {"Host": "[::1]:8080"}, {"Host": "app.localhost"}]
)
async def test_pages_of_this_machine_can(bare: House, headers: dict[str, str]) -> None:
    assert (await bare.call("GET", "/healthz", headers=headers))[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lattice.example"])
def test_listening_beyond_loopback_needs_a_key(short_dir, keys: KeyFile, host: str) -> None:
    settings = GatewaySettings(host=host)
    with pytest.raises(Invalid, match=r"run\.py keys create"):
        check_bind(settings, short_dir / "data")

    keys.create("laptop")
    check_bind(settings, short_dir / "data")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_listening_on_loopback_needs_none(short_dir, host: str) -> None:
    check_bind(GatewaySettings(host=host), short_dir)


async def test_a_gateway_beyond_loopback_without_keys_does_not_start(short_dir) -> None:
    with pytest.raises(Invalid, match="other machines"):
        async with house(short_dir, parts=(), host="0.0.0.0"):
            pass


def test_a_key_is_kept_as_a_hash_in_a_file_of_its_owner_alone(keys: KeyFile) -> None:
    secret = keys.create("laptop", namespace="hers")

    assert secret not in keys.path.read_text()
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert [(key.name, key.namespace) for key in keys.list()] == [("laptop", "hers")]


def test_names_of_keys_are_unique_and_known(keys: KeyFile) -> None:
    keys.create("laptop")
    with pytest.raises(Conflict):
        keys.create("laptop")
    with pytest.raises(NotFound):
        keys.revoke("phone")
    keys.revoke("laptop")
    assert keys.list() == ()


def test_a_key_of_bytes_that_are_no_text_is_nobodys(keys: KeyFile) -> None:
    keys.create("laptop")
    # As aiohttp gives the header `x-api-key: \xff`.
    assert ApiKeys(keys).principal("\udcff") is None

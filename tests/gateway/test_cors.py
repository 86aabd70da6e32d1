"""Pages in browsers: none of another origin may use the gateway, unless the settings name it."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from pydantic import ValidationError

from gateway.auth import KeyFile
from gateway.settings import GatewaySettings
from tests.browser import Browser, needs_chromium
from tests.gateway.house import House, house

APP = "https://app.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-lattice-session",
}


async def asked(lattice: House, method: str, path: str, **headers: str):
    """Status and headers of a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with lattice.http.request(method, lattice.url + path, headers=named) as response:
        return response.status, response.headers


async def test_nothing_is_allowed_to_any_page_unless_it_is_set(short_dir) -> None:
    async with house(short_dir, parts=(), require_keys=True) as lattice:
        status, told = await asked(lattice, "OPTIONS", "/v1/models", Origin=APP, **PREFLIGHT)
        assert status == 405
        assert not [name for name in told if name.startswith("Access-Control") or name == "Vary"]


@pytest.mark.parametrize("keys", [False, True])
async def test_a_page_that_is_named_is_told_what_it_may(short_dir, keys: bool) -> None:
    shown = {"x_api_key": KeyFile(short_dir / "data").create("app")}
    async with house(short_dir, parts=("memory",), cors_origins=[APP], require_keys=keys) as lattice:
        status, told = await asked(lattice, "OPTIONS", "/v1/memories", Origin=APP, **PREFLIGHT)
        assert (status, told["Access-Control-Allow-Origin"], told["Vary"]) == (204, APP, "Origin")
        assert told["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
        assert "DELETE" in told["Access-Control-Allow-Methods"]

        for path, expected in (("/v1/memories", 200), ("/v1/memories/mem_none", 404), ("/v1/nothing", 404)):
            status, told = await asked(lattice, "GET", path, Origin=APP, **shown)
            assert (status, told["Access-Control-Allow-Origin"]) == (expected, APP), path
            assert "Retry-After" in told["Access-Control-Expose-Headers"]
            assert "Access-Control-Allow-Credentials" not in told
        # A cache must not give a page what no page was told.
        _, told = await asked(lattice, "GET", "/v1/memories", **shown)
        assert (told["Vary"], "Access-Control-Allow-Origin" in told) == ("Origin", False)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://app.example", "https://app.example:8443", "https://app.example.evil.example"],
)
@pytest.mark.parametrize("keys", [False, True])
async def test_no_other_page_is(short_dir, origin: str, keys: bool) -> None:
    KeyFile(short_dir / "data").create("app")
    async with house(short_dir, parts=(), cors_origins=[APP], require_keys=keys) as lattice:
        for method, headers in (("OPTIONS", PREFLIGHT), ("GET", {})):
            status, told = await asked(lattice, method, "/v1/models", Origin=origin, **headers)
            assert status == (401 if keys and method == "GET" else 403)
            assert "Access-Control-Allow-Origin" not in told


@pytest.mark.parametrize("path", ["/", "/docs", "/dashboard/page.js", "/v1/actors", "/v1/daemon/cycles", "/metrics"])
async def test_without_keys_a_named_page_gets_nothing_of_the_operators(short_dir, path: str) -> None:
    async with house(short_dir, parts=(), cors_origins=[APP]) as lattice:
        assert (await asked(lattice, "GET", path, Origin=APP))[0] == 403


async def test_the_dashboard_is_no_other_pages(short_dir) -> None:
    KeyFile(short_dir / "data").create("app")
    async with house(short_dir, parts=(), cors_origins=["*"], require_keys=True) as lattice:
        for path in ("/", "/docs", "/dashboard/page.js"):
            assert "Access-Control-Allow-Origin" not in (await asked(lattice, "GET", path, Origin=APP))[1]


async def test_a_name_that_leads_to_this_machine_is_refused_whatever_the_origin(short_dir) -> None:
    async with house(short_dir, parts=(), cors_origins=["http://app.example:8080"]) as lattice:
        for method, headers in (("OPTIONS", PREFLIGHT), ("GET", {})):
            rebound = {"Origin": "http://app.example:8080", "Host": "app.example:8080", **headers}
            assert (await asked(lattice, method, "/v1/models", **rebound))[0] == 403


async def test_any_page_may_where_it_is_said_so_and_a_key_is_asked_for(short_dir) -> None:
    shown = {"x_api_key": KeyFile(short_dir / "data").create("app")}
    async with house(short_dir, parts=("memory",), cors_origins=["*"], require_keys=True) as lattice:
        assert (await asked(lattice, "OPTIONS", "/v1/memories", Origin="null", **PREFLIGHT))[1][
            "Access-Control-Allow-Origin"
        ] == "*"
        status, told = await asked(lattice, "GET", "/v1/memories", Origin=APP)
        assert (status, told["Access-Control-Allow-Origin"], "Vary" in told) == (401, "*", False)
        assert (await asked(lattice, "GET", "/v1/memories", Origin=APP, **shown))[0] == 200


@pytest.mark.parametrize(
    "origins",
    [
        ["*"],
        ["app.example"],
        ["https://app.example/"],
        ["https://*.example"],
        ["null"],
        ["ftp://app.example"],
        ["https://a:x"],
        ["https://a@b"],
        ["https://bücher.example"],
        ["https://app example"],
        ["https://[fe80::1%25eth0]"],
    ],
)
def test_what_is_no_origin_or_lets_in_everybody_without_a_key_is_refused(origins: list[str]) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings(cors_origins=origins)


def test_origins_are_written_as_browsers_do() -> None:
    settings = GatewaySettings(cors_origins=["HTTPS://App.Example:443", "http://localhost:3000", "http://[0:0::1]:80"])
    assert settings.cors_origins == ("https://app.example", "http://localhost:3000", "http://[::1]")


async def test_a_page_reads_a_refusal_of_a_full_house(short_dir) -> None:
    async with house(short_dir, parts=(), cors_origins=[APP], max_in_flight=1) as lattice:
        lattice.gateway.admission.requests += 1
        status, told = await asked(lattice, "GET", "/v1/models", Origin=APP)
        lattice.gateway.admission.requests -= 1
        assert (status, told["Access-Control-Allow-Origin"], told["Vary"]) == (429, APP, "Origin")
        assert told["Retry-After"]


SCRIPT = """
(async () => {
  const url = %s;
  const headers = {'Content-Type': 'application/json', 'Authorization': 'Bearer x', 'X-Lattice-Session': 'page'};
  const body = JSON.stringify({messages: [{role: 'user', content: 'Hello'}], stream: true});
  try {
    const streamed = await fetch(url + '/v1/chat/completions', {method: 'POST', headers, body});
    const text = await streamed.text();
    const missing = await fetch(url + '/v1/memories/mem_none', {headers});
    const dashboard = await fetch(url + '/').then(() => 'read', () => 'refused');
    const named = missing.headers.get('x-request-id') !== null;
    return JSON.stringify([streamed.status, text.includes('[DONE]'), missing.status, named, dashboard]);
  } catch (error) { return String(error); }
})()
"""


@needs_chromium
@pytest.mark.parametrize("named", [False, True])
async def test_a_browsers_page_of_another_port_talks_and_streams_only_if_it_is_named(short_dir, model, named: bool) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>app</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with (
            house(short_dir, model=model.base_url, cors_origins=[origin] if named else []) as lattice,
            Browser() as browser,
        ):
            tab = await browser.open(origin)
            await tab.until("document.title === 'app'")
            told = await tab.evaluate(SCRIPT % json.dumps(lattice.url))
            if named:
                assert json.loads(told) == [200, True, 404, True, "refused"]
            else:
                assert "Failed to fetch" in told
    finally:
        await runner.cleanup()

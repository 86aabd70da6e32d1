"""`/` and the files of the page: what is served, how it is kept, and that no path leads anywhere else."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from gateway.dashboard.serving import ASSETS
from tests.gateway.house import House, house

PAGE = Path(__file__).resolve().parents[2] / "gateway" / "dashboard" / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))


async def test_the_page_is_html_under_a_policy_that_runs_the_gateways_scripts_alone(bare: House) -> None:
    async with bare.http.get(f"{bare.url}/") as response:
        text, headers = await response.text(), response.headers

    assert response.status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "<title>Lattice</title>" in text


async def test_every_file_that_the_page_names_is_served_with_its_type(bare: House) -> None:
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    named = set(re.findall(r"dashboard/([\w.]+)", (PAGE / "index.html").read_text()))
    named |= {name for script in SCRIPTS for name in re.findall(r'(?:from|import) "\./([\w.]+)"', script.read_text())}
    assert named == set(ASSETS) - {"index.html"}, "a file that nothing names, or a name without a file"

    for name in named:
        async with bare.http.get(f"{bare.url}/dashboard/{name}") as response:
            assert (response.status, response.content_type) == (200, types[name.rpartition(".")[2]]), name
            assert await response.read() == (PAGE / name).read_bytes()


@pytest.mark.parametrize("path", ["/", "/dashboard/main.js"])
async def test_a_file_that_the_browser_has_is_not_sent_again(bare: House, path: str) -> None:
    async with bare.http.get(bare.url + path) as response:
        etag = response.headers["ETag"]
        assert response.headers["Cache-Control"] == "no-cache"

    for known in (etag, f'"other", W/{etag}', "*"):
        async with bare.http.get(bare.url + path, headers={"If-None-Match": known}) as response:
            assert (response.status, await response.read(), response.headers["ETag"]) == (304, b"", etag)
    async with bare.http.get(bare.url + path, headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200


@pytest.mark.parametrize("path", ["/", "/dashboard/style.css"])
async def test_a_head_tells_what_a_get_would(bare: House, path: str) -> None:
    async with bare.http.get(bare.url + path) as got, bare.http.head(bare.url + path) as head:
        assert (head.status, await head.read()) == (200, b"")
        for name in ("Content-Type", "Content-Length", "ETag", "Content-Security-Policy"):
            assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/no.js",
        "/dashboard/",
        "/dashboard",
        "/dashboard/serving.py",
        "/dashboard/..%2fserving.py",
        "/dashboard/%2e%2e%2f%2e%2e%2fauth.py",
        "/dashboard/..%5cserving.py",
        "/dashboard/../dashboard/serving.py",
        "/dashboard/%2fetc%2fpasswd",
        "/dashboard/main.js%00",
        "/dashboard/MAIN.JS",
        "//etc/passwd",
    ],
)
async def test_no_path_leads_to_another_file(bare: House, path: str) -> None:
    # aiohttp's client would tidy the path up.
    reader, writer = await asyncio.open_connection(*bare.gateway.address)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"not_found"' in answer


async def test_the_page_needs_no_key_and_holds_nothing(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory",), require_keys=True) as locked:
        for path in ("/", "/dashboard/main.js"):
            async with locked.http.get(locked.url + path) as response:
                assert response.status == 200
        assert (await locked.call("GET", "/v1/memories"))[0] == 401


async def test_only_reading_is_possible(bare: House) -> None:
    for path in ("/", "/dashboard/main.js"):
        assert (await bare.call("POST", path))[0] == 405


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_or_asks_another_server(script: Path) -> None:
    text = script.read_text()

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser|localStorage|cookie", text)
    assert not re.search(r"https?://", text)


def test_the_page_names_no_other_server_and_has_no_inline_script() -> None:
    text = (PAGE / "index.html").read_text() + (PAGE / "style.css").read_text()

    assert not re.search(r"https?:|@import|url\(|javascript:|\son\w+=|style=", text)
    assert re.findall(r"<script[^>]*>(.*?)</script>", text) == [""]

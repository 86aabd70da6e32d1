"""The dashboard in a real browser, over a real house: panels fill, stored markup stays text, a kill is seen."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.auth import KeyFile
from tests.browser import Browser, Page, needs_chromium
from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, House

pytestmark = [pytest.mark.system, pytest.mark.timeout(240), needs_chromium]

MARKUP = """<img src=x onerror="document.title='ran'"><script>document.title='ran'</script><b>bold</b>"""
PANELS = {
    "#house": "gateway",
    "#models": "scripted",
    "#memory": "Latest talks",
    "#paradoxes": "I have no dog.",
    "#cycles": "consolidate",
    "#thoughts": "model call",
}


@pytest.fixture(scope="module")
def told(module_house: House) -> House:
    """A house that has something to show."""
    house = module_house
    chat = {"model": "default", "messages": [{"role": "user", "content": "Where does Ana live?"}]}
    house.post("/v1/chat/completions", chat, x_lattice_session="monday")
    for text in ("I have a dog.", "I have no dog."):
        house.post("/v1/memories", {"text": text, "speaker": "mirela"})
    (known,) = house.post("/v1/memories", {"text": MARKUP, "speaker": MARKUP[:40], "session": MARKUP})["memories"]
    source = {"relation": "derives_from", "target": known["id"]}
    fact = {"text": "Ana lives in Porto.", "kind": "fact", "links": [source], "metadata": {"<i>": MARKUP}}
    house.post("/v1/memories", fact)
    return house


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


@pytest.fixture
async def page(browser: Browser, told: House) -> AsyncIterator[Page]:
    page = await browser.open(told.url)
    yield page
    assert page.errors == []
    assert {url for url in page.requested if not url.startswith(told.url)} == set()


@pytest.fixture(scope="module")
def locked(model: SyncModelServer) -> Iterator[House]:
    """A house that asks for a key."""
    with tempfile.TemporaryDirectory(prefix="lattice-") as home:
        config = ENDPOINT.format(url=model.base_url) + "\n[gateway]\nrequire_keys = true\n"
        with House(Path(home), config=config, single_process=True) as house:
            yield house


@asynccontextmanager
async def opened(house: House, secret: str) -> AsyncIterator[Page]:
    """The page of a house that asks for a key, after it got this one."""
    async with Browser() as browser:
        page = await browser.open(house.url)
        await page.write("#key", secret)
        await page.press("Enter")
        yield page
        assert page.errors == []


async def test_panels_fill_and_stored_markup_stays_text(page: Page) -> None:
    for panel, text in PANELS.items():
        await page.shows(panel, text)
    await page.shows("#readiness", "Ready")
    await page.shows("#listening", "live")
    await page.shows("#memory", MARKUP)

    await page.click_on("#memory button.line", "Porto")
    await page.shows("#sheet-body", "derives from")
    await page.shows("#sheet-body", "remembered")
    await page.click_on("#sheet button.line", "derives")
    await page.shows("#sheet blockquote", MARKUP)
    await page.press("Escape")

    assert await page.evaluate("document.title") == "Lattice"
    assert await page.evaluate("document.querySelectorAll('main img, main script, main b b, #sheet img').length") == 0


async def test_a_search_tells_its_scores_term_by_term(page: Page) -> None:
    await page.shows("#memory", "Latest talks")
    await page.write("#query", "Where does Ana live?")
    await page.press("Enter")
    await page.shows("#hits", "Ana lives in Porto.")
    await page.click("#hits details summary")

    terms = (
        "[...document.querySelectorAll('#hits details[open] .figure')].map(e => Number(e.innerText.replace(/^\u2212/, '-')))"
    )
    score = await page.evaluate("Number(document.querySelector('#hits summary b').innerText)")
    assert sum(await page.evaluate(terms)) == pytest.approx(score, abs=0.05)


async def test_a_thought_opens_with_what_it_was_made_of(page: Page) -> None:
    await page.click("#thoughts button.line")
    for text in ("Intent, by the classifier", "Steps, ", "memory.recall", "Context", "Endpoint"):
        await page.shows("#sheet-body", text)


async def test_an_actor_that_is_killed_is_shown_and_another_restarted_by_hand(page: Page, told: House) -> None:
    await page.shows("#house", "paradox")
    told.kill(told.pid("paradox"))
    await page.shows("#events", "replaced: signal 9 (SIGKILL)")
    await page.shows('#house tr[data-row="paradox"]', "new process")
    await page.click('[data-key="crashes paradox"]')
    await page.shows("#sheet-body", "signal 9 (SIGKILL)")
    await page.press("Escape")

    before = told.pid("daemon")
    await page.click('[data-key="restart daemon"]')
    await page.click("#question-no")
    await page.until("!document.querySelector('#question').open")
    assert told.pid("daemon") == before
    await page.click('[data-key="restart daemon"]')
    await page.click("#question-yes")
    await page.shows("#toasts", "daemon is ready again")
    assert told.pid("daemon") != before


async def test_a_cycle_is_paused_resumed_and_run_and_its_events_are_seen(page: Page) -> None:
    await page.shows("#listening", "live")
    await page.click('[data-key="hold decay"]')
    await page.shows('#cycles tr[data-row="decay"]', "paused")
    await page.click('[data-key="hold decay"]')
    await page.shows('#cycles tr[data-row="decay"]', "Pause")
    await page.click('[data-key="run decay"]')
    await page.until("[...document.querySelectorAll('#events li')].some(e => /decay.*ended/s.test(e.innerText))")


async def test_a_paradox_is_resolved(page: Page, told: House) -> None:
    await page.click("#paradoxes button.line")
    await page.shows("#sheet-body", "Settle it")
    await page.write("#sheet textarea", "She gave it away.")
    await page.click('#sheet button[value="integrated"]')
    await page.shows("#toasts", "resolved")
    await page.shows("#sheet-body", "She gave it away.")

    assert "She gave it away." in json.dumps([known["history"] for known in told.get("/v1/paradoxes")["paradoxes"]])


async def test_it_fits_a_phone_and_stands_still_while_nobody_looks(page: Page) -> None:
    await page.resize(360)
    for panel in PANELS:
        await page.seen(f"{panel} .body", "seen.children.length && !seen.innerText.includes('Loading')")
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    await page.evaluate("var away = true; Object.defineProperty(document, 'hidden', {get: () => away})")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.shows("#listening", "paused")
    await page.evaluate("away = false; document.dispatchEvent(new Event('visibilitychange'))")
    await page.shows("#listening", "live")


async def test_a_key_is_asked_for_and_a_wrong_one_is_told_so(browser: Browser, locked: House) -> None:
    page = await browser.open(locked.url)
    await page.shows("#access", "This gateway asks for an API key")
    assert await page.evaluate("document.querySelector('#main').hidden")
    await page.write("#key", "lk_wrong")
    await page.press("Enter")
    await page.shows("#access-said", "This API key is not known here, or was revoked.")

    secret = KeyFile(locked.data_dir).create("operator")
    await page.write("#key", secret)
    await page.press("Enter")
    await page.shows("#house", "gateway")
    assert await page.evaluate("document.querySelector('#key').value") == ""
    assert await page.evaluate("localStorage.length") == 0
    assert await page.evaluate("sessionStorage.getItem('lattice.key')") == secret

    KeyFile(locked.data_dir).revoke("operator")
    await page.shows("#access-said", "This API key is not known here, or was revoked.")
    assert await page.evaluate("document.querySelectorAll('main .body > *, #figures > *, #sheet-body > *').length") == 0


async def test_a_key_of_one_namespace_shows_what_is_its_own(locked: House) -> None:
    secret = KeyFile(locked.data_dir).create("tenant", namespace="hers")
    locked.post("/v1/memories", {"text": "Hers alone."}, authorization=f"Bearer {secret}")
    async with opened(locked, secret) as page:
        await page.shows("#memory", "Hers alone.")
        for panel in ("#house", "#models", "#cycles", "#events"):
            await page.shows(panel, "this is shared by all")
        assert await page.evaluate("document.querySelectorAll('#house button').length") == 0


async def test_a_gateway_that_is_gone_is_told_and_what_was_known_stays(locked: House) -> None:
    async with opened(locked, KeyFile(locked.data_dir).create("on call")) as page:
        await page.shows("#cycles", "consolidate")
        await page.shows("#listening", "live")
        locked.stop()
        await page.shows("#readiness", "The gateway does not answer")
        await page.shows("#house .note", "What stands here is older. Trying again")
        await page.shows("#house", "gateway")

        locked.start()
        await page.shows("#readiness", "Ready")
        await page.until("document.querySelector('#house .note').hidden")

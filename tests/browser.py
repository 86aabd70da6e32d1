"""A real browser for tests: Debian's chromium without a window, spoken to by its DevTools protocol. It reaches loopback."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
START_S = 60.0
WITHIN_S = 30.0

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: `apt-get install chromium`")

UNTIL = """
new Promise((resolve, reject) => {
  const look = () => { try { return %s; } catch { return false; } };
  if (look()) return resolve(true);
  const observer = new MutationObserver(() => { if (look()) { observer.disconnect(); resolve(true); } });
  observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
  setTimeout(() => { observer.disconnect(); reject(new Error('it did not come to that')); }, %d);
})
"""


class Browser:
    """From entering to leaving, with a profile of its own."""

    async def __aenter__(self) -> Self:
        assert CHROMIUM is not None
        self.profile = Path(tempfile.mkdtemp(prefix="lattice-browser-"))
        options = [
            "--headless=new",
            "--remote-debugging-port=0",
            f"--user-data-dir={self.profile}",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            # Its sandbox refuses to be started by root, as containers do.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        self.process = await asyncio.create_subprocess_exec(
            CHROMIUM, *options, "about:blank", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        self.http = aiohttp.ClientSession()
        try:
            address = await asyncio.wait_for(self.listening(), START_S)
            self.socket = await self.http.ws_connect(address, max_msg_size=0)
        except BaseException:
            await self.end()
            raise
        self.numbers = itertools.count(1)
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.pages: dict[str, Page] = {}
        self.reading = asyncio.create_task(self.read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.reading.cancel()
        await asyncio.wait((self.reading,))
        await self.socket.close()
        await self.end()

    async def end(self) -> None:
        await self.http.close()
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    async def listening(self) -> str:
        assert self.process.stderr is not None
        said = b""
        while line := await self.process.stderr.readline():
            said += line
            if found := re.search(rb"DevTools listening on (ws://\S+)", line):
                return found[1].decode()
        raise AssertionError(f"chromium did not start:\n{said.decode(errors='replace')}")

    async def read(self) -> None:
        async for message in self.socket:
            told = json.loads(message.data)
            if "id" in told:
                self.waiting.pop(told["id"]).set_result(told)
            elif page := self.pages.get(told.get("sessionId")):
                page.happened(told["method"], told["params"])

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self.numbers)
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json(
            {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        )
        told = await asyncio.wait_for(answer, WITHIN_S + 10)
        assert "error" not in told, (method, told)
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, url: str, **media: str) -> Page:
        """A tab of its own; `media` as in `prefers_color_scheme="dark"`."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.send(f"{domain}.enable")
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        await page.send("Emulation.setEmulatedMedia", features=features)
        await page.send("Page.navigate", url=url)
        return page


class Page:
    """One tab; `errors` has every exception that nobody handled and every violation of the page's policy."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session
        self.errors: list[str] = []
        self.requested: list[str] = []

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self.browser.send(method, self.session, **parameters)

    def happened(self, method: str, told: dict[str, Any]) -> None:
        match method:
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(told["exceptionDetails"]))
            case "Log.entryAdded" if told["entry"]["source"] in {"security", "violation", "javascript"}:
                self.errors.append(told["entry"]["text"])
            case "Runtime.consoleAPICalled" if told["type"] == "error":
                self.errors.append(json.dumps(told["args"]))
            case "Network.requestWillBeSent":
                self.requested.append(told["request"]["url"])
            case _:
                pass

    async def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression comes to; a promise is awaited."""
        how = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        told = await self.send("Runtime.evaluate", expression=expression, **how)
        assert "exceptionDetails" not in told, (expression, told["exceptionDetails"])
        return told["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until it holds; looked at whenever the page changes."""
        try:
            await self.evaluate(UNTIL % (f"Boolean({expression})", WITHIN_S * 1000))
        except AssertionError as error:
            text = await self.evaluate("document.body?.innerText")
            raise AssertionError(f"{expression} did not come true: {self.errors}\n{text}") from error

    async def text(self, selector: str) -> str:
        """What a user reads there."""
        return str(await self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def shows(self, selector: str, text: str) -> None:
        """Wait until a text is to be read there."""
        await self.seen(selector, f"seen.innerText.includes({json.dumps(text)})")

    async def seen(self, selector: str, also: str = "true") -> None:
        """Wait until something is to be seen, and more holds of it."""
        await self.until(f"(seen => seen.checkVisibility() && {also})(document.querySelector({json.dumps(selector)}))")

    async def click(self, selector: str) -> None:
        await self.seen(selector)
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def click_on(self, selector: str, text: str) -> None:
        """The first of these in which a text is to be read."""
        with_text = (
            f"[...document.querySelectorAll({json.dumps(selector)})].find(one => one.innerText.includes({json.dumps(text)}))"
        )
        await self.until(with_text)
        await self.evaluate(f"{with_text}.click()")

    async def write(self, selector: str, text: str) -> None:
        """Type into a field as a keyboard does."""
        await self.seen(selector)
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.send("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        code = {"Enter": 13, "Escape": 27, "Tab": 9}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    async def resize(self, width: int, height: int = 900) -> None:
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    async def picture(self) -> bytes:
        """What is to be seen, as PNG, for people."""
        return base64.b64decode((await self.send("Page.captureScreenshot"))["data"])

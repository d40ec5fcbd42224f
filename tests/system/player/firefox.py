"""Firefox of the system, over WebDriver BiDi: Playwright drives only a Firefox of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect

from tests.system.player.browser import LOOK, PATIENCE_S
from tools.system_packages import found

LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
ENTER, TAB = "\ue007", "\ue004"
PREFERENCES = {
    "devtools.jsonview.enabled": False,  # its own policy would hold in place of the server's
    "app.normandy.enabled": False,
    "services.settings.server": "",
    "browser.download.folderList": 2,  # the one of `browser.download.dir`
    "browser.download.alwaysOpenPanel": False,
    "focusmanager.testmode": True,  # it has the focus, though there is no window
    "full-screen-api.warning.timeout": 0,
    "full-screen-api.transition-duration.enter": "0 0",
    "full-screen-api.transition-duration.leave": "0 0",
}
"""So that it shows what is served, saves without a question, and asks nobody on the internet."""


class FirefoxPage:
    """Its only tab. `saved`: the folder of what it downloads."""

    def __init__(self, socket: ClientConnection, saved: Path) -> None:
        self.saved = saved
        self._socket = socket
        self._last_id = 0
        self._tab = self._window = ""

    async def begin(self) -> None:
        await self._command("session.new", capabilities={})
        tree = await self._command("browsingContext.getTree")
        self._tab = tree["contexts"][0]["context"]
        windows = await self._command("browsingContext.getTree", **{"moz:scope": "chrome"})
        self._window = windows["contexts"][0]["context"]

    async def go(self, url: str) -> None:
        """The page has the focus then."""
        await self._command("browsingContext.navigate", context=self._tab, url=url, wait="complete")
        await self.in_window("window.focus(), gBrowser.selectedBrowser.focus()")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, by way of JSON. A promise is awaited."""
        result = await self._command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert result["type"] == "success", result
        return json.loads(result["result"]["value"])

    async def in_window(self, expression: str) -> None:
        """Evaluate what only the browser itself may do."""
        target = {"context": self._window}
        words = {"expression": f"void ({expression})", "target": target, "awaitPromise": True}
        result = await self._command("script.evaluate", **words)
        assert result["type"] == "success", result

    async def prefer(self, scheme: Literal["dark", "light"]) -> None:
        """As the system's setting does."""
        name, value = "layout.css.prefers-color-scheme.content-override", int(scheme == "light")
        await self.in_window(f"Services.prefs.setIntPref({name!r}, {value})")
        await self.until(f"matchMedia('(prefers-color-scheme: {scheme})').matches")

    async def until(self, condition: str) -> Any:
        """Wait until a JavaScript expression is truthy, and return its value."""
        return await self.evaluate(f"({LOOK.replace('CONDITION', condition)})()")

    async def submit(self, prompt: str) -> None:
        """Type it where the cursor is."""
        await self.press(*prompt, ENTER)

    async def press(self, *values: str) -> None:
        keys = [{"type": kind, "value": key} for key in values for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": keys}]
        await self._command("input.performActions", context=self._tab, actions=actions)

    async def resize(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        await self._command("browsingContext.setViewport", context=self._tab, viewport=viewport)

    async def choose(self, selector: str, *files: Path) -> None:
        """Files, for the input that the selector finds."""
        node = await self._command(
            "script.evaluate",
            expression=f"document.querySelector({json.dumps(selector)})",
            target={"context": self._tab},
            awaitPromise=False,
        )
        names = [str(file) for file in files]
        element = {"sharedId": node["result"]["sharedId"]}
        await self._command("input.setFiles", context=self._tab, element=element, files=names)

    async def download(self, name: str) -> Path:
        """The file of this name, once it is whole."""
        file = self.saved / name
        async with asyncio.timeout(PATIENCE_S):
            while not (file.exists() and file.stat().st_size) or any(self.saved.glob("*.part")):
                await self.evaluate("null")
        return file

    async def _command(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        command = {"id": self._last_id, "method": method, "params": params}
        await self._socket.send(json.dumps(command))
        async with asyncio.timeout(PATIENCE_S):
            async for text in self._socket:
                answer = json.loads(text)
                if answer.get("id") == self._last_id:
                    assert answer["type"] == "success", answer
                    result: dict[str, Any] = answer["result"]
                    return result
        raise AssertionError("Firefox closed the connection")


@contextlib.asynccontextmanager
async def firefox(profile: Path) -> AsyncIterator[FirefoxPage]:
    """Start it without a window, with an empty profile. It has ended when the block is left."""
    program = found("firefox-esr")
    assert program is not None
    saved = profile / "saved"
    saved.mkdir()
    preferences = {**PREFERENCES, "browser.download.dir": str(saved)}
    lines = (f"user_pref({json.dumps(key)}, {json.dumps(v)});\n" for key, v in preferences.items())
    (profile / "user.js").write_text("".join(lines))
    options = (
        "--headless",
        "--no-remote",
        "--remote-allow-system-access",
        "--remote-debugging-port",
        "0",
        "--profile",
        profile,
    )
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"HOME": str(profile)},
    )
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(_read(process, address))
    try:
        async with asyncio.timeout(PATIENCE_S):
            url = await address
        async with connect(f"{url}/session", max_size=None) as socket:
            page = FirefoxPage(socket, saved)
            await page.begin()
            yield page
    finally:
        process.terminate()
        await reading


async def _read(process: asyncio.subprocess.Process, address: asyncio.Future[str]) -> None:
    """All that it says until it ends, because a full pipe would hold it up."""
    assert process.stderr is not None
    async for line in process.stderr:
        if (match := LISTENS.search(line)) and not address.done():
            address.set_result(match[1].decode())
    await process.wait()
    if not address.done():
        address.set_exception(AssertionError("Firefox ended before it listened"))

"""Headless Chromium over the DevTools protocol: just what the browser tests need.

`Chromium` starts the program with a throw-away profile and stops it by process id; `Page` is one
tab: navigate, evaluate, wait, press keys, take a picture. Uncaught errors and console errors of
the page are collected in `page.errors`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

START_TIMEOUT_S = 30.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--mute-audio",
    "--remote-debugging-port=0",
)
KEYS = {"Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9}


def find_chromium() -> str | None:
    """Path of a Chromium to test with, or None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Chromium:
    """One browser process."""

    def __init__(self, address: str) -> None:
        self._address = address

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, profile: Path) -> AsyncIterator[Self]:
        """Start with an empty profile in the folder `profile`; stop when the block is left."""
        program = find_chromium()
        assert program is not None
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a group of its own, to be stopped with its children
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                address = await _devtools_address(profile / "DevToolsActivePort")
            yield cls(address)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    @contextlib.asynccontextmanager
    async def page(self, width: int = 1440, height: int = 900) -> AsyncIterator[Page]:
        """A new, empty tab."""
        async with connect(self._address, max_size=None, compression=None) as socket:
            page = Page(socket)
            reader = asyncio.create_task(page.read())
            try:
                await page.attach()
                await page.resize(width, height)
                yield page
            finally:
                await page.close()
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reader


async def _devtools_address(port_file: Path) -> str:
    while (address := _written_address(port_file)) is None:  # noqa: ASYNC110 (see below)
        await asyncio.sleep(0.05)  # a file says it, not an event
    return address


def _written_address(port_file: Path) -> str | None:
    """Chromium writes its port and the path of its socket into this file once it listens."""
    try:
        port, path = port_file.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return f"ws://127.0.0.1:{port}{path}"


class PageError(AssertionError):
    """The page threw, or a wait ran out."""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self.errors: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._target = ""
        self._session = ""

    async def read(self) -> None:
        """Hand answers to those who wait for them and note the page's errors."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                if (answer := self._answers.pop(message.get("id", 0), None)) is not None:
                    answer.set_result(message)
                elif message.get("sessionId") == self._session:
                    self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Runtime.exceptionThrown":
            self.errors.append(_error_text(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(
                f"{params['entry']['text']} {params['entry'].get('url', '')}".strip()
            )
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(" ".join(str(one.get("value")) for one in params["args"]))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One DevTools command."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        command = {"id": number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        await self._socket.send(json.dumps(command))
        message = await answer
        if "error" in message:
            raise PageError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    async def attach(self) -> None:
        self._target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def close(self) -> None:
        self._session = ""
        with contextlib.suppress(ConnectionClosed, PageError):
            await self.call("Target.closeTarget", targetId=self._target)

    async def goto(self, url: str) -> None:
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        async with asyncio.timeout(START_TIMEOUT_S):
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression; promises are awaited."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise PageError(_error_text(result["exceptionDetails"]))
        return result["result"].get("value")

    async def wait_for(self, expression: str, timeout_s: float = 60.0) -> Any:
        """Wait in the page until the expression is truthy, and return its value."""
        value = await self.evaluate(
            f"""new Promise((resolve) => {{
                const end = performance.now() + {timeout_s * 1000};
                const look = () => {{
                    const value = ({expression});
                    if (value) resolve({{ value }});
                    else if (performance.now() > end) resolve(null);
                    else setTimeout(look, 20);
                }};
                look();
            }})"""
        )
        if value is None:
            state = await self.evaluate("JSON.stringify(window.matinee?.state)")
            raise PageError(f"after {timeout_s} s still not: {expression}\nstate: {state}")
        return value["value"]

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press and release one key; a single character types it."""
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        code = KEYS.get(key) or ord(key.upper())
        fields = {"key": key, "windowsVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **fields)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **fields)

    async def resize(self, width: int, height: int) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    async def prefer(self, **features: str) -> None:
        """Set media features, `prefers_color_scheme="dark"`."""
        listed = [{"name": name.replace("_", "-"), "value": it} for name, it in features.items()]
        await self.call("Emulation.setEmulatedMedia", features=listed)

    async def screenshot(self) -> bytes:
        """What the tab shows, as a PNG file."""
        image = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(image["data"])


def _error_text(details: dict[str, Any]) -> str:
    exception = details.get("exception", {})
    return str(exception.get("description") or exception.get("value") or details.get("text"))

"""Flags from async code: the loop goes on, whatever the server does; the how-to's application works."""

import asyncio
import re
import time
from pathlib import Path

import pytest

import headway
from headway.testing import MemoryClient
from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "use-the-sdk.md"


@pytest.mark.parametrize("fault", ["hang", "drip", "500"])
def test_evaluate__in_a_loop_while_the_server_fails__loop_goes_on(fault):
    server = FaultServer(document({"home": experiment()}))

    async def work(client):
        lags = []
        for number in range(100):
            start = time.perf_counter()
            assert client.evaluate("home", f"user-{number}").reason == "SPLIT"
            client.track("view", f"user-{number}")
            await asyncio.sleep(0)
            lags.append(time.perf_counter() - start)
        return sorted(lags)

    with headway.Client(server.url, "k", poll_s=0.05, flush_s=0.05, timeout_s=0.5) as client:
        assert client.wait_until_ready(60)
        server.fail(fault)
        lags = asyncio.run(work(client))
    server.stop()

    assert lags[95] < 0.25, "whoever waited for the server would wait for half a second"


def test_guide__asgi_application__starts_answers_and_closes(monkeypatch):
    (code,) = [
        code for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S) if "lifespan" in code
    ]
    made = MemoryClient({"new-checkout": True})
    monkeypatch.setattr(headway, "Client", lambda url, key: made, raising=False)
    monkeypatch.setenv("HEADWAY_KEY", "k")
    scope = {}
    exec(code, scope)
    sent = []

    async def send(message):
        sent.append(message)

    async def run():
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(messages)

        await scope["app"]({"type": "http", "client": ("192.0.2.1", 1)}, receive, send)
        await scope["app"]({"type": "lifespan"}, receive, send)

    asyncio.run(run())

    assert [message["type"] for message in sent] == [
        "http.response.start",
        "http.response.body",
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert sent[1]["body"] == b"new"
    assert made._is_closed

"""Posting batches over kept-alive connections as fast as they are answered; a process of its own.

`python -m bench._load PORT KEY EVENTS CONNECTIONS SECONDS` prints a line of JSON: answers, others, latencies.
"""

import asyncio
import json
import sys
import time
import uuid
from datetime import UTC, datetime

SPLICE = b"00000000-0000-4000-8000-000000000000"


def request(key: str, events: int) -> bytes:
    now = datetime.now(UTC).isoformat()
    listed = [
        {
            "id": str(uuid.uuid4()),
            "kind": "event",
            "ts": now,
            "name": "purchase",
            "unit": f"user-{n % 300}",
            "unit_type": "user",
            "value": n * 0.25,
            "session": f"session-{n % 500}",
            "dims": {"country": "de", "device": "phone"},
        }
        for n in range(events)
    ]
    body = json.dumps({"batch_id": SPLICE.decode(), "sdk": "bench/1", "events": listed}).encode()
    head = (
        f"POST /sdk/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connection(port: int, sent: bytes, until: float, found: dict) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    before, after = sent.split(SPLICE)
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(before + str(uuid.uuid4()).encode() + after)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if head.split(b" ", 2)[1] == b"202":
            found["ms"].append((time.perf_counter() - start) * 1000)
        else:
            found["other"] += 1
            await asyncio.sleep(0.01)
    writer.close()


async def main(port: int, key: str, events: int, connections: int, seconds: float) -> None:
    found: dict = {"ms": [], "other": 0}
    sent = request(key, events)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(connection(port, sent, until, found) for _ in range(connections)))
    ms = sorted(found["ms"])
    print(
        json.dumps(
            {
                "batches": len(ms),
                "other": found["other"],
                "size": len(sent),
                "p50": ms[len(ms) // 2] if ms else None,
                "p99": ms[int(len(ms) * 0.99)] if ms else None,
            }
        )
    )


if __name__ == "__main__":
    port, key, events, connections, seconds = sys.argv[1:]
    asyncio.run(main(int(port), key, int(events), int(connections), float(seconds)))

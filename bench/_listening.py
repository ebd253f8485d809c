"""Many open streams in one process: `python -m bench._listening PORT STREAMS CHANGES < request`.

Says "ready" when all are open, then prints for each change when it reached every stream, in seconds of the
system's clock, as a line of JSON.
"""

import json
import select
import socket
import sys
import time

TOGETHER = 250
"""So many are opened at once: clients begin at moments of their own."""
MARK = b"refetchEvaluation"


def main(port: int, streams: int, changes: int) -> None:
    request = sys.stdin.buffer.readline()
    request = json.loads(request).encode()
    poll, sockets, heard = select.epoll(), {}, {}
    for number in range(streams):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.sendall(request)
        sockets[opened.fileno()] = opened
        heard[opened.fileno()] = -1  # the first one is what is current
        poll.register(opened, select.EPOLLIN)
        if number % TOGETHER == TOGETHER - 1 or number == streams - 1:
            _hear(poll, sockets, heard, 0)
    print("ready", flush=True)
    for change in range(1, changes + 1):
        print(json.dumps(_hear(poll, sockets, heard, change)), flush=True)


def _hear(poll, sockets, heard, wanted: int) -> list[float]:
    """The moments at which each stream heard of this change."""
    moments: list[float] = []
    until = time.time() + 60
    waiting = sum(each < wanted for each in heard.values())
    while len(moments) < waiting:
        if time.time() > until:
            raise SystemExit(f"{waiting - len(moments)} streams heard nothing")
        for number, _ in poll.poll(1.0):
            content = sockets[number].recv(65_536)
            if not content:
                raise SystemExit("a stream ended")
            if content.startswith(b"HTTP/1.1 ") and not content.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"refused: {content[:300]!r}")
            before = heard[number]
            heard[number] += content.count(MARK)
            if before < wanted <= heard[number]:
                moments.append(time.time())
    return moments


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))

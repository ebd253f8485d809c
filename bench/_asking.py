"""The same request over kept-alive connections as fast as it is answered; a process of its own.

`python -m bench._asking PORT CONNECTIONS SECONDS < request` prints a line of JSON: rate, latencies and the
size of an answer; one of another size is a failure. Sockets and epoll only, so that it costs little.
"""

import json
import select
import socket
import sys
import time


def main(port: int, connections: int, seconds: float) -> None:
    request = sys.stdin.buffer.read()
    size = _size(port, request)
    sockets = {}
    poll = select.epoll()
    for _ in range(connections):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[opened.fileno()] = [opened, size, 0.0]
        poll.register(opened, select.EPOLLIN)
    ms, until = [], time.perf_counter() + seconds
    for state in sockets.values():
        state[2] = time.perf_counter()
        state[0].sendall(request)
    now = time.perf_counter()
    while now < until:
        for number, _ in poll.poll(1.0):
            state = sockets[number]
            got = len(state[0].recv(262_144))
            if got == 0:
                raise SystemExit("the server closed a connection")
            state[1] -= got
            if state[1] > 0:
                continue
            now = time.perf_counter()
            ms.append((now - state[2]) * 1000)
            if state[1] < 0:
                raise SystemExit(f"an answer was of another size by {state[1]}, not {size}")
            state[1], state[2] = size, now
            state[0].sendall(request)
        now = time.perf_counter()
    ms.sort()
    found = {"rate": len(ms) / seconds, "p50": ms[len(ms) // 2], "p99": ms[len(ms) * 99 // 100], "size": size}
    print(json.dumps(found))


def _size(port: int, request: bytes) -> int:
    """The length of a whole answer, head included; the second one, when everything is warm."""
    with socket.create_connection(("127.0.0.1", port)) as opened:
        for _ in range(2):
            opened.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += opened.recv(262_144)
            head, _, body = answer.partition(b"\r\n\r\n")
            if head.split(b" ")[1] not in (b"200", b"304"):
                raise SystemExit(f"not answered: {answer[:300]!r}")
            declared = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            left = (int(declared[0].split(b":")[1]) if declared else 0) - len(body)
            while left > 0:
                left -= len(opened.recv(262_144))
        return len(head) + 4 + (int(declared[0].split(b":")[1]) if declared else 0)


if __name__ == "__main__":
    port, connections, seconds = sys.argv[1:]
    main(int(port), int(connections), float(seconds))

"""What the edge counts, in Prometheus' text format."""

from collections.abc import Iterator

from flags.delivery import Answer
from flags.streams import Hub

SCOPES = ("read", "admin")
TYPE = "text/plain; version=0.0.4; charset=utf-8"
HELP = {
    "opened": "Streams opened.",
    "told": "Changes told to streams.",
    "collapsed": "Streams that did not keep up and were told the newest state only.",
    "cut_off": "Streams whose client took nothing any more.",
    "found_late": "Changes that Redis did not tell of and the database did.",
    "subscriptions_lost": "Subscriptions to Redis that failed or ended.",
}


def answer(hub: Hub, *, is_subscribed: bool) -> Answer:
    """Streams open now, and everything counted since this process began."""
    lines = [
        *_gauge("streams_open", len(hub), "Streams open now."),
        *_gauge("subscribed", int(is_subscribed), "Whether Redis tells of changes."),
        *(line for name, words in HELP.items() for line in _counter(name, hub.counts[name], words)),
        *_statuses(hub),
    ]
    headers = {"content-type": TYPE, "cache-control": "no-store"}
    return Answer(200, headers, "".join(f"{line}\n" for line in lines).encode())


def _gauge(name: str, value: int, words: str) -> Iterator[str]:
    yield f"# HELP headway_edge_{name} {words}"
    yield f"# TYPE headway_edge_{name} gauge"
    yield f"headway_edge_{name} {value}"


def _counter(name: str, value: int, words: str) -> Iterator[str]:
    yield f"# HELP headway_edge_streams_{name}_total {words}"
    yield f"# TYPE headway_edge_streams_{name}_total counter"
    yield f"headway_edge_streams_{name}_total {value}"


def _statuses(hub: Hub) -> Iterator[str]:
    yield "# HELP headway_edge_answers_total Answers by status."
    yield "# TYPE headway_edge_answers_total counter"
    for name, count in sorted(hub.counts.items()):
        if name.startswith("status_"):
            yield f'headway_edge_answers_total{{status="{name.removeprefix("status_")}"}} {count}'

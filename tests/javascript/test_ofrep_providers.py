"""OpenFeature's own OFREP providers for Python, Node and pages, as published, on the running server."""

import json
import math
import shutil
import subprocess
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from flags import queries, services
from flags.models import ConfigDocument
from headway import Client
from tests import nodejs
from tests.apps.embedded.watching import eventually
from tests.flows.places import environment

pytestmark = pytest.mark.flow
CLIENTS = Path(__file__).parent / "ofrep"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "flags"
PLACE = "ofrep-providers"
USER = {"targetingKey": "user-7", "country": "de"}
OTHERS = {"targetingKey": "user-7", "country": "fr"}
GERMANS = {"attribute": "country", "op": "equals", "value": "de"}


@pytest.fixture(scope="module")
def installed():
    """The folder with the JavaScript providers, as its lock file pins them."""
    if not nodejs.is_there():
        pytest.skip(nodejs.MISSING)
    command = [shutil.which("npm") or "npm", "ci", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return CLIENTS


@pytest.fixture
def served(connected):
    """Flags of every type in a place of their own; keys by scope."""
    place = environment(PLACE)
    if not queries.flags().filter(key="of-bool").exists():
        _publish(place)
    return connected.edge_url, {scope: _key(scope) for scope in ("server", "client")}


def _key(scope):
    by: dict[str, Any] = {"actor": "rosa", "now": timezone.now()}
    return services.create_key(environment=PLACE, name="ofrep", scope=scope, **by)[1]


def _publish(place):
    kinds = {
        "of-bool": ("bool", {"on": True, "off": False}),
        "of-text": ("string", {"on": "straße", "off": "weg"}),
        "of-whole": ("number", {"on": 3, "off": 1}),
        "of-float": ("number", {"on": 3.0, "off": 0.5}),
        "of-json": ("json", {"on": {"a": [1, None]}, "off": {}}),
        "of-split": ("string", {"on": "on", "off": "off"}),
        "of-default": ("string", {"on": "on", "off": "off"}),
    }
    half = {"coverage_ppm": 1_000_000, "arms": [["off", 500_000], ["on", 500_000]]}
    rules = {"of-split": [{"split": half}], "of-default": []}
    for key, (value_type, variants) in kinds.items():
        by: dict[str, Any] = {"actor": "rosa", "now": timezone.now()}
        described = {"value_type": value_type, "variants": variants, "default": "off"}
        services.create_flag(key=key, in_environments=[place], is_client_side=True, **described, **by)
        live = queries.live_version(queries.flag(key), queries.environment(place))
        listed = rules.get(key, [{"variant": "on", "when": GERMANS}])
        changed = {**live.definition, "rules": listed}
        if key == "of-default":
            changed |= {"on": False, "off": None}
        draft = services.save_draft(flag=key, environment=place, definition=changed, **by)
        services.publish(flag=key, environment=place, version=draft.number, **by)


@contextmanager
def asking(folder, kind, url, key):
    """Ask a JavaScript provider in a process of its own."""
    command = [shutil.which("node") or "node", "ask.mjs", kind, url, key]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:

        def ask(op, **more):
            process.stdin.write(f"{json.dumps({'op': op, **more})}\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()
        assert process.wait(60) == 0


def _reasons(flag, url, key):
    with Client(url, key, stream=False) as client:
        assert client.wait_until_ready(120)
        return client.evaluate(flag, USER["targetingKey"], {"country": "de"})


@pytest.fixture
def openfeature(served):
    url, keys = served
    provider = OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {keys['server']}"})
    api.set_provider(provider, domain=PLACE)
    yield api.get_client(PLACE)
    api.clear_providers()
    provider.session.close()


def test_python_provider__every_type__value_variant_and_reason(openfeature):
    context = EvaluationContext("user-7", {"country": "de"})

    assert openfeature.get_boolean_details("of-bool", False, context).value is True
    text = openfeature.get_string_details("of-text", "own", context)
    assert (text.value, text.variant, str(text.reason)) == ("straße", "on", "TARGETING_MATCH")
    assert text.flag_metadata["reason"] == "TARGETING_MATCH"
    assert openfeature.get_integer_value("of-whole", 0, context) == 3
    assert math.isclose(openfeature.get_float_value("of-float", 0.0, context), 3.0)
    assert openfeature.get_object_value("of-json", {}, context) == {"a": [1, None]}
    assert openfeature.get_string_details("of-split", "own", context).reason == "SPLIT"


def test_python_provider__default_in_the_code__reason_without_error(openfeature):
    details = openfeature.get_string_details("of-default", "own", EvaluationContext("user-7"))

    assert (details.value, str(details.reason), details.error_code) == ("own", "DISABLED", None)


def test_python_provider__mistakes__the_codes_of_the_specification(openfeature):
    context = EvaluationContext("user-7", {"country": "de"})
    codes = [
        openfeature.get_string_details("nothing", "own", context).error_code,
        openfeature.get_boolean_details("of-text", False, context).error_code,
        openfeature.get_float_details("of-whole", 0.5, context).error_code,
        openfeature.get_string_details("of-split", "own", EvaluationContext(None)).error_code,
    ]

    assert [str(code.value) for code in codes] == [
        "FLAG_NOT_FOUND",
        "TYPE_MISMATCH",
        "TYPE_MISMATCH",
        "TARGETING_KEY_MISSING",
    ]


CASES = [
    ["of-bool", "boolean", False],
    ["of-text", "string", "own"],
    ["of-whole", "number", 0],
    ["of-float", "number", 0],
    ["of-json", "object", {}],
    ["of-split", "string", "own"],
    ["nothing", "string", "own"],
    ["of-text", "boolean", False],
]
EXPECTED = [True, "straße", 3, 3, {"a": [1, None]}]


@pytest.mark.parametrize(("kind", "scope"), [("web", "client"), ("server", "client"), ("server", "server")])
def test_javascript_provider__every_type_and_mistakes__as_in_python(installed, served, kind, scope):
    url, keys = served
    with asking(installed, kind, url, keys[scope]) as ask:
        ask("begin", context=USER)
        told = ask("ask", cases=CASES)
        ask("context", context=OTHERS)
        [other] = ask("ask", cases=CASES[1:2])
        own = ask("ask", cases=[["of-default", "string", "own"]])

    expected = _reasons("of-split", url, keys["server"])
    assert [details["value"] for details in told[:5]] == EXPECTED
    assert {details["reason"] for details in told[:5]} == {"TARGETING_MATCH"}
    assert (told[5]["variant"], told[5]["reason"]) == (expected.variant, "SPLIT")
    assert [details.get("errorCode") for details in told[6:]] == ["FLAG_NOT_FOUND", "TYPE_MISMATCH"]
    assert (other["value"], other["variant"], other["reason"]) == ("weg", "off", "DEFAULT")
    assert own[0]["value"] == "own"


def test_web_provider__flag_published__told_by_the_stream_and_fetched_again(installed, served):
    url, keys = served
    with asking(installed, "web", url, keys["client"]) as ask:
        ask("begin", context=USER)
        [before] = ask("ask", cases=[["of-bool", "boolean", False]])
        by: dict[str, Any] = {"actor": "rosa", "now": timezone.now()}

        def seen():
            [found] = ask("ask", cases=[["of-bool", "boolean", True]])
            return found if ask("changes") > 0 and found["reason"] == "DISABLED" else None

        # The event source connects in the background; a change that it missed is found at the next one.
        for number in range(20):
            services.switch_off(flag="of-bool", environment=PLACE, reason=f"try {number}", **by)
            if after := eventually(seen, within_s=2 + number):
                break
            services.switch_on(flag="of-bool", environment=PLACE, reason=f"try {number}", **by)
        services.switch_on(flag="of-bool", environment=PLACE, reason="done", **by)

    assert after, "no change was told"
    assert (before["value"], after["value"]) == (True, False)


def _golden():
    groups = json.loads((GOLDEN / "decisions.json").read_text("utf-8"))
    assignments = json.loads((GOLDEN / "assignments.json").read_text("utf-8"))
    return groups, assignments


@contextmanager
def one_by_one(url, key):
    """Ask for one flag after the other over a connection that is kept alive."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=120)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def ask(flag, context):
        body = json.dumps({"context": context}).encode()
        connection.request("POST", f"/ofrep/v1/evaluate/flags/{flag}", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    with closing(connection):
        yield ask


def _serve(place, document):
    """Make a place serve a document of the golden vectors, as published."""
    key = environment(place)
    row = ConfigDocument.objects.filter(environment__key=key)
    body = json.dumps({**document, "environment": key}).encode()
    row.update(body=body, etag=f'"golden-{place}"', version=document["version"] + 100)
    by: dict[str, Any] = {"actor": "rosa", "now": timezone.now()}
    return services.create_key(environment=key, name="golden", scope="server", **by)[1]


@pytest.mark.parametrize("number", range(len(_golden()[0])))
def test_golden_decisions__over_http__same_variants_and_reasons(connected, number):
    group = _golden()[0][number]
    # A targeting key is a text.
    cases = [case for case in group["cases"] if isinstance(case[1], str | None)]
    with one_by_one(connected.edge_url, _serve(f"golden-{number}", group["document"])) as ask:
        for flag, unit, attributes, variant, reason in cases:
            context = {**(attributes or {}), **({} if unit is None else {"targetingKey": unit})}
            status, told = ask(flag, context)
            if "errorCode" in told:
                assert (status, reason) in {(400, "UNIT_MISSING"), (404, "FLAG_NOT_FOUND")}, told
                continue
            assert (told["variant"] or None, told["metadata"]["reason"]) == (variant, reason), (flag, context)
            if variant is not None:
                assert told["value"] == group["document"]["flags"][flag]["variants"][variant]
    assert len(cases) > len(group["cases"]) / 2


def test_golden_assignments__over_http__same_arms(connected):
    """Every unit of the vectors for some of the splits: ids that are empty, long or beyond ASCII included."""
    _, whole = _golden()
    splits = whole["splits"][:: max(len(whole["splits"]) // 8, 1)]
    flags = {
        f"split-{number}": {
            "version": 1,
            "type": "string",
            "unit_type": "user",
            "on": True,
            "variants": {arm: arm for arm, _ in split["arms"]},
            "rules": [{"id": "r", "split": {name: split[name] for name in split if name != "expected"}}],
        }
        for number, split in enumerate(splits)
    }
    document = {"schema": 1, "version": 1, "built_at": "2026-11-23T10:00:00Z", "flags": flags}
    whole_document = {**document, "layers": {}, "holdouts": {}, "segments": {}}
    with one_by_one(connected.edge_url, _serve("golden-arms", whole_document)) as ask:
        for number, split in enumerate(splits):
            for unit, arm in zip(whole["units"], split["expected"], strict=True):
                if isinstance(unit, str):
                    _, told = ask(f"split-{number}", {"targetingKey": unit})
                    assert (told.get("variant") or "-") == arm, (number, unit)

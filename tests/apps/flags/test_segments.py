# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Segments: versioned, shared, judged by the SDK, asked about before they open a flag."""

import pytest
from django.db import DatabaseError, transaction

from flags import audiences, gates, queries, services
from flags.gates import Blocked, Finding
from flags.models import SegmentVersion
from headway.evaluation import compile_config
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.flags.build import BY, document, environment, flag, published

pytestmark = pytest.mark.django_db
DE = {"attribute": "country", "op": "equals", "value": "de"}
FR = {"attribute": "country", "op": "equals", "value": "fr"}


def segment(key="europe", when=DE, **options):
    environment()
    services.create_segment(key=key, **BY)
    return publish(key, when, **options)


def publish(key="europe", when=FR, **options):
    return services.publish_segment(segment=key, environment="production", when=when, **BY, **options)


def variant(**attributes):
    return compile_config(document()).evaluate("checkout", "u1", attributes).variant


def test_publish__new_version__in_force_for_every_flag_that_refers_to_it():
    flag()
    segment()
    published([{"variant": "on", "when": {"segment": "europe"}}])
    assert (variant(country="de"), variant(country="fr")) == ("on", "off")

    made = publish(when=FR, reason="moved")

    assert (made.number, made.reason) == (2, "moved")
    assert (variant(country="de"), variant(country="fr")) == ("off", "on")
    row = ledger_queries.audit_of("segment:europe").first()
    assert (row.action, row.before["words"], row.after["words"]) == (
        "segment.version.published",
        "country is de",
        "country is fr",
    )


def test_publish__same_conditions__conflict():
    segment()

    with pytest.raises(Conflict, match="version 1 says the same"):
        publish(when=DE)


def test_publish__somebody_else_did_meanwhile__conflict_says_who():
    segment()
    publish(when=FR)

    with pytest.raises(Conflict, match="version 2 by ada"):
        publish(when={"any": []}, seen=1)


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ([], "when"),
        ({"attribute": "country", "op": "near", "value": "de"}, "when.op"),
        ({"segment": "nobody"}, "when.segment"),
        ({"segment": "europe"}, "definition"),
        ({"all": [{"attribute": "a\0", "op": "exists"}]}, "when"),
    ],
)
def test_publish__bad_conditions__refused_with_the_field(when, field):
    segment()

    with pytest.raises(Refused) as refused:
        publish(when=when)

    assert [problem.field for problem in refused.value.problems] == [field]


def test_publish__opens_a_flag__gates_of_that_flag_are_asked(monkeypatch):
    told: list = []

    def gate(subject):
        told.append(subject.flag)
        return [Finding("trip", "no")]

    flag()
    flag("search")
    segment("de", DE)
    segment("europe", {"segment": "de"})
    published([{"variant": "on", "when": {"segment": "europe"}}])
    monkeypatch.setattr(gates, "_gates", {action: [gate] for action in gates.ACTIONS})

    with pytest.raises(Blocked):
        publish("de", FR)

    assert set(told) == {"checkout"}
    assert queries.segment_versions(queries.segment("de"), environment()).count() == 1


def test_version__changed_past_the_services__database_refuses():
    segment()

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        SegmentVersion.objects.update(definition={})


def test_create__same_key__conflict():
    segment()

    with pytest.raises(Conflict):
        services.create_segment(key="europe", **BY)


def test_publish__unknown_segment__not_found():
    environment()

    with pytest.raises(NotFound):
        publish("nothing")


def test_flags_using__through_another_segment__named():
    flag()
    segment("de", DE)
    segment("europe", {"any": [{"segment": "de"}, FR]})
    published([{"variant": "on", "when": {"not": {"segment": "europe"}}}])

    parts = queries.document_parts(environment())

    assert audiences.flags_using(parts, "de") == ["checkout"]
    assert audiences.flags_using(parts, "europe") == ["checkout"]
    assert audiences.containing(parts, "europe") == {"europe"}

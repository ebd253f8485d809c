"""Whatever is sent as a draft or a binding, the answer is a draft or a refusal in words."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.drafts import BINDING_FIELDS, DRAFT_FIELDS, merged, read, read_binding
from ledger.refusals import Refused

KNOWN = sorted({*DRAFT_FIELDS, *BINDING_FIELDS, "change", "expected", "value", "relative", "key", "variant"})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(KNOWN), VALUES, max_size=6) | VALUES


def judged(function, data):
    """What the function made of it, or None when it was refused with problems that can be sent."""
    try:
        return function(data)
    except Refused as refused:
        found = refused.problems
    assert found
    assert json.dumps([problem.to_dict() for problem in found])
    return None


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=BODIES)
def test_read__any_body__refused_or_a_draft_that_reads_itself(body):
    draft = judged(read, {"title": "x", **body} if isinstance(body, dict) else body)

    if draft is not None:
        assert read(json.loads(json.dumps(draft.to_dict()))) == draft


@settings(max_examples=200, deadline=None, derandomize=True)
@given(body=BODIES)
def test_merged__any_change__refused_or_a_draft(body):
    judged(lambda data: merged(read({"title": "x"}), data), body)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(body=BODIES)
def test_read_binding__any_body__refused_or_a_binding(body):
    judged(read_binding, body)

"""Deciding who gets what: pure functions over a configuration document, no I/O, no threads.

>>> config = compile_config(document)
>>> config.evaluate("home", "user-1", {"country": "de"}).variant

What a document holds and what it means is in docs/reference/flag-format.md.
"""

from headway.evaluation.checking import MAX_CHAIN, SCHEMA, check_document, check_flag
from headway.evaluation.config import Config, compile_config
from headway.evaluation.hashing import MAX_UNIT, RANGE, WHOLE_PPM, bucket, threshold, unit_text
from headway.evaluation.problems import ConfigRefused, Problem
from headway.evaluation.results import Evaluation
from headway.evaluation.tracing import explain

__all__ = [
    "MAX_CHAIN",
    "MAX_UNIT",
    "RANGE",
    "SCHEMA",
    "WHOLE_PPM",
    "Config",
    "ConfigRefused",
    "Evaluation",
    "Problem",
    "bucket",
    "check_document",
    "check_flag",
    "compile_config",
    "explain",
    "threshold",
    "unit_text",
]

"""Prints every measured figure: `python -m tests.calibration [WORD]` (only functions whose name has WORD)."""

from __future__ import annotations

import inspect
import os
import sys
import time
from importlib import import_module

import django

from tests import servers  # noqa: F401  the pipeline needs PostgreSQL and Redis before the settings are read

MODULES = (
    "measured_estimators",
    "measured_adjusted",
    "measured_quantiles",
    "measured_sequential",
    "measured_impact",
    "measured_history",
    "measured_shapes",
    "measured_impact_pipeline",
    "measured_holds",
)


def measures(word):
    for name in MODULES:
        module = import_module(f"tests.calibration.{name}")
        for function in vars(module).values():
            measures_something = getattr(function, "__annotations__", {}).get("return") == "Figures"
            if inspect.isfunction(function) and measures_something and word in function.__name__:
                yield function


def main(word=""):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for function in measures(word):
        start = time.perf_counter()
        figures = function()
        seconds = time.perf_counter() - start
        line = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        sys.stdout.write(f"{function.__name__} ({seconds:.0f} s): {line}\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])

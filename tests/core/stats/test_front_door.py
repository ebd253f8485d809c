"""`from analysis.stats import ...`: every public name is there, documented, and cheap until it is used."""

import importlib
import inspect
from pathlib import Path

import pytest

import analysis.stats

FOLDER = Path(analysis.stats.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
AS_MODULES = {"srm", "simulate", "tails", "exact", "changepoints"}
"""Used as modules, because their names only speak beside the module's, or used by the others only."""

HELPERS = {
    "plain",
    "fields_as_dict",
    "missing_arm",
    "too_few",
    "estimated",
    "measured",
    "in_range",
    "check_level",
}


def public(module):
    """Functions and classes defined in a module, by name."""
    found = importlib.import_module(f"analysis.stats.{module}")
    for name, item in vars(found).items():
        is_own = getattr(item, "__module__", "") == found.__name__
        if is_own and not name.startswith("_") and (inspect.isfunction(item) or inspect.isclass(item)):
            yield name, item


@pytest.mark.parametrize("module", [name for name in MODULES if name not in AS_MODULES])
def test_front_door__public_functions__can_be_imported_from_the_package(module):
    for name, item in public(module):
        if inspect.isfunction(item) and name not in HELPERS:
            assert getattr(analysis.stats, name) is item
            assert name in dir(analysis.stats)


@pytest.mark.parametrize("module", MODULES)
def test_public_functions__each_says_what_it_does(module):
    for name, item in public(module):
        assert inspect.getdoc(item), f"{module}.{name} has no docstring"


@pytest.mark.parametrize("name", sorted(analysis.stats._HOME_OF))
def test_front_door__names_it_promises__exist(name):
    assert getattr(analysis.stats, name).__name__ == name


def test_front_door__unknown_name__the_usual_error():
    with pytest.raises(AttributeError, match="no attribute 'zscore'"):
        analysis.stats.zscore  # noqa: B018

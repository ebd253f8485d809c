"""Every way to serve a change to everybody is known: found in the source, held against lists.

A service, a page, an address or a task that can widen what people see fails here until somebody says what it
does. `test_paths_to_everybody` shows that each is refused, `test_doors_to_everybody` from the outside.
"""

from django.conf import settings

from config.embedded.home import CHECKOUT
from experiments import services as experiments
from flags import services as flags
from tests.apps.governance import reach
from tests.apps.governance.paths import (
    ENTRANCES,
    EXPERIMENT_CLOSING,
    EXPERIMENT_HARMLESS,
    EXPERIMENT_PATHS,
    FLAG_CLOSING,
    FLAG_DRAFTS,
    FLAG_HARMLESS,
    FLAG_PATHS,
    OTHER_CLOSING,
    OTHER_PATHS,
)

REBUILD = "flags.services.environments.rebuild"
PHASE = "experiments.models.planned.Phase"
NEXT_PHASE = "experiments.services.widening.next_phase"
SERVED = {REBUILD, NEXT_PHASE, "experiments.services.running._put_in_force"}
"""Whoever changes what is served does it through one of these."""
GATES = {"flags.gates.check", "flags.gates.check_all"}
ASK = {
    "flags.services.versions.put_live",
    "flags.services.segments.publish_segment",
    "flags.services.holdouts.end_holdout",
    "experiments.services.running._put_in_force",
    "experiments.services.widening.raise_coverage",
    "experiments.services.pausing.resume",
}
ASK_NOBODY = {
    "flags.services.catalogue.archive": "takes the flag out of the document",
    "flags.services.catalogue.unarchive": "asks by `versions.check_gates`",
    "flags.services.environments.build_waiting": "the documents of changes that were asked before",
    "flags.services.environments.create_environment": "an empty document",
    "flags.services.environments.rebuild_all": "the same definitions in a new format",
    "flags.services.holdouts.start_holdout": "spares what is live",
    "experiments.services.pausing.pause": "serves the default",
}


def test_writers__all_of_them__ask_the_gates_or_open_nothing():
    writers = set(reach.refers_to(REBUILD, NEXT_PHASE)) | set(reach.refers_to(PHASE + ".objects.create"))

    assert writers - {NEXT_PHASE} == ASK | set(ASK_NOBODY)
    for name in (*ASK, "flags.services.catalogue.unarchive"):
        assert reach.reached(name) & GATES, name


def test_services__all_of_them__somebody_said_what_they_do_to_coverage():
    assert set(flags.__all__) == FLAG_PATHS | FLAG_DRAFTS | FLAG_CLOSING | FLAG_HARMLESS
    assert set(experiments.__all__) == EXPERIMENT_PATHS | EXPERIMENT_CLOSING | EXPERIMENT_HARMLESS


def test_services__said_to_be_harmless__reach_no_writer():
    named = [*(f"flags.services.{name}" for name in FLAG_HARMLESS)]
    named += [f"experiments.services.{name}" for name in EXPERIMENT_HARMLESS]

    assert [name for name in named if reach.reached(reach.canonical(name)) & SERVED] == []


def test_entrances__all_of_them__are_on_the_list_and_call_listed_services():
    opening = {reach.canonical(f"flags.services.{name}") for name in FLAG_PATHS}
    opening |= {reach.canonical(f"experiments.services.{name}") for name in EXPERIMENT_PATHS}
    opening |= OTHER_PATHS
    closing = {reach.canonical(f"flags.services.{name}") for name in FLAG_CLOSING | FLAG_DRAFTS}
    closing |= {reach.canonical(f"experiments.services.{name}") for name in EXPERIMENT_CLOSING}
    closing |= OTHER_CLOSING
    outside = {name: whom for name, whom in reach.references().items() if reach.is_entrance(name)}

    used = {each for whom in outside.values() for each in whom if ".services." in each}
    writing = {each for each in used if reach.reached(each) & SERVED}
    found = {name: {each.rpartition(".")[2] for each in whom & opening} for name, whom in outside.items()}

    assert writing - opening - closing == set()
    assert {name: whom for name, whom in found.items() if whom} == ENTRANCES


def test_admin__of_django__is_not_there():
    assert "django.contrib.admin" not in settings.INSTALLED_APPS
    assert not [path for app in reach.APPS for path in (CHECKOUT / app).glob("admin.py")]

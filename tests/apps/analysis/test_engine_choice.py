"""Which engine a site gets, and what it hears when it names none."""

import sys

import pytest
from pyarrow.fs import S3FileSystem

from analysis.engines import choice
from analysis.engines.contract import EngineFailure
from analysis.services import requests
from ledger.models import JobState
from tests.apps.analysis import world


def test_choice__nothing_said__duckdb_on_the_folder_of_the_store(tmp_path):
    engine = choice.engine(str(tmp_path))

    assert (engine.name, engine.folder) == ("duckdb", tmp_path)


def test_choice__store_in_a_bucket__objects_of_it():
    engine = choice.engine("s3://events/headway?region=eu-central-1")

    assert engine.folder is None
    assert isinstance(engine.filesystem, S3FileSystem)


@pytest.mark.parametrize("master", ["spark://host:7077", "local[2]", "k8s://https://host"])
def test_choice__spark_master__spark(settings, master):
    settings.HEADWAY_ENGINE = master

    assert choice.name() == "spark"


def test_choice__spark_not_installed__said_so(settings, monkeypatch, tmp_path):
    settings.HEADWAY_ENGINE = "spark://host:7077"
    monkeypatch.setitem(sys.modules, "analysis.engines.spark", None)

    with pytest.raises(EngineFailure, match="not installed"):
        choice.engine(str(tmp_path))


def test_choice__unknown_word__names_the_variable_and_the_fix(settings):
    settings.HEADWAY_ENGINE = "spark:host"

    with pytest.raises(EngineFailure, match=r"HEADWAY_ENGINE.*spark://host:7077"):
        choice.name()


@pytest.mark.django_db
def test_look__engine_cannot_be_had__job_keeps_the_reason(settings, monkeypatch):
    world.started()
    settings.HEADWAY_ENGINE = "spark://host:7077"
    monkeypatch.setitem(sys.modules, "analysis.engines.spark", None)

    job = world.look(hours=24)

    assert (job.kind, job.state) == (requests.KIND, JobState.QUEUED)
    assert "Spark is not installed" in job.failure

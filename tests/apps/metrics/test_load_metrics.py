"""`manage.py load_metrics`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from metrics import queries
from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db


def run(folder, *options):
    output = StringIO()
    call_command("load_metrics", str(folder), *options, "--actor", "rosa", stdout=output)
    return output.getvalue()


def test_load_metrics__folder__says_what_became_of_each(tmp_path):
    (tmp_path / "orders.toml").write_text(metric_text("orders"))
    run(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "visits.toml").write_text(metric_text("visits"))

    output = run(tmp_path)

    assert output == "1 new: visits\n0 changed\n1 unchanged: orders\n"
    assert queries.version("visits").author == "rosa"


def test_load_metrics__check__judges_and_stores_nothing(tmp_path):
    (tmp_path / "orders.toml").write_text(metric_text("orders"))

    assert run(tmp_path, "--check") == "1 definitions are good\n"
    assert queries.metrics().count() == 0


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_load_metrics__bad_file__place_of_every_problem_and_nothing_stored(tmp_path, options):
    (tmp_path / "a.toml").write_text(metric_text("a"))
    (tmp_path / "b.toml").write_text(metric_text("b", direction="sideways", unit=""))

    with pytest.raises(CommandError) as caught:
        run(tmp_path, *options)

    first, *lines = str(caught.value).splitlines()
    assert first == "2 problems, nothing was stored"
    assert [line.split(" = ")[0] for line in lines] == [
        f"{tmp_path}/b.toml:5: unit",
        f"{tmp_path}/b.toml:6: direction",
    ]
    assert queries.metrics().count() == 0


def test_load_metrics__folder_without_files__failure_and_not_a_pass(tmp_path):
    with pytest.raises(CommandError, match="no folder with"):
        run(tmp_path, "--check")


def test_load_metrics__not_utf8__named(tmp_path):
    (tmp_path / "a.toml").write_bytes(metric_text("a", owner="ren\xe9").encode("latin-1"))

    with pytest.raises(CommandError, match=r"a\.toml:7: .*not UTF-8"):
        run(tmp_path)

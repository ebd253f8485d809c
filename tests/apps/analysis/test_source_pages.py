"""The pages of sources and of imported numbers."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from analysis import source_queries
from analysis.models import AnalysisRun
from ledger import jobs, queries
from tests.apps.analysis import warehouse, world
from tests.apps.analysis.test_own_tables import POSTGRES, SHOP
from tests.core.analysis import own_tables

pytestmark = pytest.mark.django_db(transaction=True)
IMPORT = f"/experiments/{world.KEY}/import/"
CSV = "metric,arm,n,mean,variance\norders,control,4000,3.0,2.0\norders,treatment,4000,3.1,2.0\n"


def run_tests():
    for job in queries.jobs(state="queued").filter(kind=source_queries.TEST_JOB):
        jobs.run(job.id)


def test_sources__none__says_what_they_are_for(browser):
    page = browser.get("/sources/").text

    assert "There are no sources yet" in page
    assert "/sources/-/new/" in page


def test_new__example__can_be_read_once_it_has_a_key(browser):
    page = browser.get("/sources/-/new/")
    text = page.context["text"].replace('key = ""', 'key = "mine"').replace('title = ""', 'title = "Mine"')

    answer = browser.post("/sources/-/new/", {"text": text})

    assert (answer.status_code, answer.url) == (302, "/sources/mine/")


def test_new__mistake__text_kept_and_reason_shown(browser):
    text = POSTGRES.replace("unit =", "unitt =")

    answer = browser.post("/sources/-/new/", {"text": text})

    assert answer.status_code == 422
    assert "unitt" in answer.text
    assert "Did you mean &quot;unit&quot;" in answer.text


def test_source__saved__tested_by_itself_and_rows_shown(browser, monkeypatch):
    monkeypatch.setenv(SHOP, warehouse.address())
    with warehouse.built(own_tables.as_tables(*world.traffic(50))):
        browser.post("/sources/-/new/", {"text": POSTGRES})
        waiting = browser.get("/sources/shop/").text
        run_tests()

    page = browser.get("/sources/shop/").text

    assert 'hx-trigger="every 1s"' in waiting
    assert "All tables can be read and every column fits." in page
    assert 'hx-trigger="every 1s"' not in page
    assert "Arms in these rows: " in page


def test_source__test_with_problems__said_on_list_and_page(browser, monkeypatch):
    monkeypatch.delenv(SHOP, raising=False)
    browser.post("/sources/-/new/", {"text": POSTGRES})
    run_tests()

    assert "There is no way in:" in browser.get("/sources/shop/").text
    assert "problems" in browser.get("/sources/").text
    assert browser.get("/sources/shop/test/state/").status_code == 200


def test_import__before_the_start__says_why_not(browser):
    world.started(bind=("orders",))

    assert "As it was understood" not in browser.get(IMPORT).text


@pytest.mark.parametrize("as_file", [True, False])
def test_import__preview_then_store__one_look(browser, as_file):
    world.started(bind=("orders",))
    given = (
        {"file": SimpleUploadedFile("n.csv", b"\xef\xbb\xbf" + CSV.encode())} if as_file else {"text": CSV}
    )
    form = {"until": "2026-03-10T00:00", **given}

    preview = browser.post(IMPORT, {**form, "step": "preview"})
    stored_by_preview = AnalysisRun.objects.count()
    kept = {"text": preview.context["text"], "until": preview.context["until"]}
    stored = browser.post(IMPORT, {**kept, "step": "store"})

    assert "As it was understood" in preview.text
    assert stored_by_preview == 0
    assert (stored.status_code, stored.url) == (302, f"/experiments/{world.KEY}/report/")
    assert AnalysisRun.objects.get().data_cut == world.at(8 * 24)


def test_import__mistakes__all_shown_and_text_kept(browser):
    world.started(bind=("orders",))
    text = CSV.replace("4000", "many", 1)

    answer = browser.post(IMPORT, {"until": "2031-01-01T00:00", "text": text, "step": "store"})

    assert answer.status_code == 422
    assert "this lies in the future" in answer.text
    assert "Line 2: <code>n</code>" in answer.text
    assert "orders,control,many,3.0,2.0" in answer.text
    assert AnalysisRun.objects.count() == 0


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"", b"\x00", CSV.encode("utf-16"), b'"' * 7])
def test_import__file_that_is_no_csv__told(browser, raw):
    world.started(bind=("orders",))

    answer = browser.post(IMPORT, {"until": "2026-03-10T00:00", "file": SimpleUploadedFile("n.csv", raw)})

    assert answer.status_code == 422
    assert "Nothing was stored" in answer.text

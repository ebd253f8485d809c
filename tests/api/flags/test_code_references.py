"""Code references over HTTP and on the pages: replaced whole, unknown and unnamed flags told."""

import hashlib

import pytest

from flags import references, services
from tests.api.flags.test_flags import send
from tests.apps.flags.build import BY, environment, flag, key

pytestmark = pytest.mark.django_db
LINK = "https://code.example.com/shop/blob/{commit}/{path}#L{line}"


@pytest.fixture
def call(client):
    environment()
    _, secret = key(scope="admin", name="build")
    return lambda method, path, body=None: send(client, method, path, body, Authorization=f"Bearer {secret}")


def line(flag="checkout", path="app/views.py", number=3, text="x"):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"flag": flag, "path": path, "line": number, "snippet_hash": digest}


def scan(*lines, **changes):
    return {"repository": "shop", "commit": "abc123", "files": 7, "references": list(lines), **changes}


def test_scan__sent__lines_of_the_flag_with_links(call):
    flag()

    made = call("post", "code-references", scan(line(), link=LINK))
    found = call("get", "flags/checkout/references").json()

    assert made.status_code == 201
    assert [(row["path"], row["line"], row["repository"]) for row in found] == [("app/views.py", 3, "shop")]
    assert found[0]["link"] == "https://code.example.com/shop/blob/abc123/app/views.py#L3"


def test_scan__sent_again__replaces_and_keeps_since_when(call):
    flag()
    call("post", "code-references", scan(line(), line(path="old.py")))
    since = references.of_flag("checkout")[0].reference.seen_at

    call("post", "code-references", scan(line(number=40)))

    [left] = references.of_flag("checkout")
    assert (left.line, left.reference.seen_at) == (40, since)


def test_scan__refused__the_one_before_stays(call):
    flag()
    call("post", "code-references", scan(line()))

    answer = call("post", "code-references", scan(line(number=0)))

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "references[0].line"
    assert references.of_flag("checkout")[0].line == 3


def test_code__unknown_archived_and_unnamed_flags__all_told(call):
    flag()
    services.archive(flag=flag(key="old").key, reason="done", **BY)
    call("post", "code-references", scan(line("chekout"), line("old", number=4)))

    told = call("get", "code-references").json()

    assert [row["flag"] for row in told["unknown"]] == ["chekout"]
    assert [row["flag"] for row in told["archived"]] == ["old"]
    assert told["unreferenced"] == ["checkout"]


def test_code__nothing_scanned__no_flag_is_called_unnamed(call):
    flag()

    assert call("get", "code-references").json()["unreferenced"] == []
    assert references.referenced_among(["checkout"]) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"repository": " "}, "repository"),
        ({"link": "javascript:alert(1)//{path}"}, "link"),
        ({"link": "https://code.example.com/"}, "link"),
        ({"files": -1}, "files"),
        ({"references": ["x"]}, "references[0]"),
        ({"references": [line(path="/etc/passwd")]}, "references[0].path"),
        ({"references": [line(path="a/../b")]}, "references[0].path"),
        ({"references": [line(flag="No Flag")]}, "references[0].flag"),
        ({"references": [{**line(), "snippet_hash": "code itself"}]}, "references[0].snippet_hash"),
    ],
)
def test_scan__malformed__field_named(call, change, field):
    answer = call("post", "code-references", scan(**change))

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == field


@pytest.fixture
def console(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    return client


def test_pages__before_and_after_a_scan__say_what_to_do_and_what_is_there(console):
    flag()
    before = [console.get(path).content.decode() for path in ("/flags/code/", "/flags/checkout/code/")]
    services.replace_references(repository="shop", found=[line(), line("typo")], files=2, **BY)

    after = [console.get(path).content.decode() for path in ("/flags/code/", "/flags/checkout/code/")]

    assert all("headway refs --upload" in page for page in before)
    assert "There is no such flag" in after[0]
    assert "app/views.py:3" in after[1]


def test_page__forget__repository_gone(console):
    environment()
    services.replace_references(repository="shop", found=[line()], files=2, **BY)

    console.post("/flags/code/forget/", {"repository": "shop"})

    assert references.repositories() == []

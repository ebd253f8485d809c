"""What the golden files hold of one case: the stored document, its Markdown, and the report's HTML."""

import json
import re
from pathlib import Path

from django.template.loader import render_to_string

from analysis.report import exports, page
from analysis.report.document import build, serialise
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED

FOLDER = Path(__file__).parent / "expected"
FORMS = ("json", "md", "html")


def document(name):
    return build(CASES[name](), prev_sha256="", created_at=CREATED)


def html(found, sha256, **changes):
    """The report itself, as the page includes it, for a viewer who sees the effects."""
    context = {
        "sha": sha256,
        "show_effects": not found["effects_hidden"],
        "is_hidden": found["effects_hidden"],
    }
    about = found["experiment"]
    experiment = {"key": about["key"], "owner": about["owner"]}
    shown = {**page.present(found), **context, "experiment": experiment, **changes}
    rendered = render_to_string("analysis/parts/document.html", shown)
    return re.sub(r"\n\s*\n+", "\n", rendered).strip() + "\n"


def render(name):
    """Form → text."""
    found = document(name)
    sha256 = serialise(found)[1]
    return {
        "json": json.dumps(found, sort_keys=True, ensure_ascii=False, indent=1) + "\n",
        "md": exports.markdown(found, sha256),
        "html": html(found, sha256),
    }


def write_all():
    """Replace the golden files by what the code says now; read the difference before you commit it."""
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.iterdir():
        stale.unlink()
    for name in CASES:
        for form, text in render(name).items():
            (FOLDER / f"{name}.{form}").write_text(text, encoding="utf-8")

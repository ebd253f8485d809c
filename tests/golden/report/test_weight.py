"""What the browser loads for a report of many metrics: page, style and script together, compressed."""

import gzip

from django.conf import settings
from django.template.loader import render_to_string

from tests.golden.report import rendering

HEAVIEST_BYTES = 100_000
STATIC = settings.ROOT / "static"
LOADED = ("css/console.css", "css/report.css", "js/*.js", "vendor/htmx.min.js")


def compressed(text):
    return len(gzip.compress(text if isinstance(text, bytes) else text.encode(), 6))


def test_report__sixty_metrics__page_style_and_script_below_100_kb():
    files = [file for pattern in LOADED for file in STATIC.glob(pattern)]
    page = render_to_string("base.html") + rendering.render("sixty_metrics")["html"]

    weight = compressed(page) + sum(compressed(file.read_bytes()) for file in files)

    assert len(files) >= 7
    assert weight < HEAVIEST_BYTES

"""What each kind of process loads: the SDK stays small and the web never pays for the analysis."""

import json
import subprocess
import sys

LISTING = "import sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def loaded_after(code, isolated=False):
    """Top-level packages that a fresh interpreter has loaded after running `code`."""
    command = [sys.executable, "-c", f"{code}\n{LISTING}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_evaluation__imported__mmh3_and_the_standard_library_only():
    bare = loaded_after("pass")

    added = loaded_after("import headway.evaluation") - bare

    assert added - set(sys.stdlib_module_names) <= {"headway", "mmh3"}


def test_web__all_urls_loaded__no_analysis_library():
    code = "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns"
    environment = "import os; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')\n"

    loaded = loaded_after(environment + code)

    assert not loaded & {"pandas", "ibis", "duckdb", "pyarrow", "scipy", "hypothesis", "pytest"}


def test_statistics__imported__no_scipy_stats_no_django():
    code = "import analysis.stats, sys; assert 'scipy.stats' not in sys.modules, 'scipy.stats was loaded'"

    loaded = loaded_after(code)

    assert not loaded & {"pandas", "django", "celery", "redis", "psycopg"}

"""The core stays light: importing it loads no scipy.stats, pandas or web framework."""

import subprocess
import sys
from pathlib import Path

import analysis.stats

FOLDER = Path(analysis.stats.__file__).parent
MODULES = sorted(f"analysis.stats.{path.stem}" for path in FOLDER.glob("*.py") if path.stem != "__init__")
BANNED = ("scipy.stats", "scipy.optimize", "pandas", "django", "celery", "redis", "psycopg", "statsmodels")


def loaded_after(code):
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    root = FOLDER.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import__every_module__nothing_heavy_and_scipy_only_at_the_first_number():
    loaded = loaded_after("import " + ", ".join(MODULES))

    assert loaded.isdisjoint(BANNED)
    assert "scipy.special" not in loaded
    assert set(MODULES) <= loaded


def test_use__of_a_comparison__loads_scipy_special_only():
    loaded = loaded_after(
        "from analysis.stats.compare import difference\n"
        "from analysis.stats.results import Estimate\n"
        "difference(Estimate(0.0, 1.0, 5), Estimate(1.0, 1.0, 5))"
    )

    assert "scipy.special" in loaded
    assert loaded.isdisjoint(BANNED)

"""What one comparison costs, beside scipy.stats and statsmodels in one run: `python -m bench.statistics`.

Times are processor time, best of several rounds, because the machine's other work only ever adds. The rivals
compute the same Welch p value and interval; imports are timed in fresh processes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from analysis.stats.adjusted import cuped, lin
from analysis.stats.compare import difference, lift
from analysis.stats.estimators import mean, ratio
from analysis.stats.many import Estimates, differences
from analysis.stats.moments import Moments, merge_all
from analysis.stats.monitor import GuardrailMonitor, MonitorLook
from analysis.stats.quantiles import quantile_stats
from analysis.stats.srm import e_value

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5


def best(action: Callable[[], object], repeats: int) -> float:
    """Seconds of one call: the best round."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(repeats):
            action()
        rounds.append((time.process_time() - start) / repeats)
    return min(rounds)


def import_seconds(statement: str) -> float:
    script = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    found = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found.append(float(done.stdout))
    return min(found)


def rows(seed: int, n: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.gamma(2, 5, n), 1 + rng.poisson(3, n), rng.gamma(2, 5, n)])


def one_comparison() -> list[tuple[str, float]]:
    from scipy import stats
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    control, treatment = rows(1), rows(2)
    arms = Moments.from_rows(control), Moments.from_rows(treatment)
    estimates = mean(arms[0]), mean(arms[1])
    numbers = [(a[:, 0].mean(), a[:, 0].std(ddof=1), len(a)) for a in (treatment, control)]

    def scipy_summary() -> object:
        found = stats.ttest_ind_from_stats(*numbers[0], *numbers[1], equal_var=False)
        return found.pvalue

    def statsmodels_rows() -> object:
        found = CompareMeans(DescrStatsW(treatment[:, 0]), DescrStatsW(control[:, 0]))
        return found.ttest_ind(usevar="unequal"), found.tconfint_diff(usevar="unequal")

    return [
        ("difference of two estimates (p value and interval)", best(lambda: difference(*estimates), 5000)),
        ("from moments to difference", best(lambda: difference(*map(mean, arms)), 5000)),
        ("ratio of sums to difference", best(lambda: difference(*map(ratio, arms)), 1000)),
        ("CUPED to difference", best(lambda: difference(*cuped(arms, covariates=(2,))), 500)),
        ("own slopes (Lin) to difference", best(lambda: difference(*lin(arms, covariates=(2,))), 500)),
        ("lift with log interval", best(lambda: lift(*estimates), 3000)),
        ("scipy.stats.ttest_ind_from_stats (p value only)", best(scipy_summary, 300)),
        ("statsmodels from rows (p value and interval)", best(statsmodels_rows, 100)),
    ]


def many_comparisons(m: int = 20_000) -> list[tuple[str, float]]:
    from scipy import stats

    rng = np.random.default_rng(3)
    n, means, variances = (
        rng.integers(50, 5000, (2, m)).astype(float),
        rng.normal(10, 1, (2, m)),
        rng.gamma(2, 2, (2, m)),
    )
    arms = [Estimates.means(*columns) for columns in zip(n, means, variances, strict=True)]
    deviations = np.sqrt(variances)

    def scipy_vectorised() -> object:
        found = stats.ttest_ind_from_stats(
            means[1], deviations[1], n[1], means[0], deviations[0], n[0], equal_var=False
        )
        return found.pvalue

    return [
        (f"{m:,} differences (p values and intervals)", best(lambda: differences(*arms), 1)),
        (f"{m:,} in scipy.stats (p values only)", best(scipy_vectorised, 1)),
    ]


def other_work() -> list[tuple[str, float]]:
    rng = np.random.default_rng(4)
    parts = [Moments.from_rows(rng.normal(size=(100, 4))) for _ in range(16)]
    monitor = GuardrailMonitor(planned_information=1.0)
    looks = [
        MonitorLook(
            rng.normal() / (k / 336) ** 0.5, (k / 336) ** -0.5, 5000, k, scheduled=k <= 24 or k % 24 == 0
        )
        for k in range(1, 337)
    ]
    return [
        ("merge 16 buckets of 4 columns", best(lambda: merge_all(parts), 200)),
        ("guardrail monitor, 336 looks", best(lambda: monitor.judge(looks), 20)),
        ("sample ratio e-value", best(lambda: e_value((50_210, 49_790), (1, 1)), 1000)),
    ]


def quantiles(sessions: int = 4_600_000) -> list[tuple[str, float]]:
    """Four clustered quantiles of the sessions of a million users in memory, beside plain ones."""
    rng = np.random.default_rng(5)
    values, users = rng.lognormal(6, 1, sessions), rng.integers(0, 1_000_000, sessions)
    shares = (0.5, 0.9, 0.95, 0.99)
    return [
        (
            f"four clustered quantiles of {sessions:,} sessions",
            best(lambda: quantile_stats(values, users, shares), 1),
        ),
        ("numpy.quantile of the same, without errors", best(lambda: np.quantile(values, shares), 1)),
    ]


def imports() -> list[tuple[str, float]]:
    modules = sorted(path.stem for path in (ROOT / "analysis/stats").glob("*.py") if path.stem != "__init__")
    ours = "import " + ", ".join(f"analysis.stats.{name}" for name in modules)
    first = "; from analysis.stats.compare import difference; from analysis.stats.results import Estimate"
    return [
        ("import of all of analysis.stats", import_seconds(ours)),
        (
            "... and the first comparison",
            import_seconds(f"{ours}{first}; difference(Estimate(0, 1, 9), Estimate(1, 1, 9))"),
        ),
        ("import numpy", import_seconds("import numpy")),
        ("import scipy.special", import_seconds("import scipy.special")),
        ("import scipy.stats", import_seconds("import scipy.stats")),
        ("import statsmodels.api", import_seconds("import statsmodels.api")),
    ]


def show(title: str, measured: list[tuple[str, float]]) -> None:
    """Each line with its time and its ratio to the first line."""
    first = measured[0][1]
    print(f"\n{title}")
    for name, seconds in measured:
        unit, factor = ("us", 1e6) if seconds < 1e-3 else ("ms", 1e3)
        print(f"  {name:<55} {seconds * factor:10.2f} {unit} {seconds / first:8.2f} x")


def main() -> None:
    print(
        f"python {sys.version.split()[0]}, numpy {np.__version__}; "
        f"processor time, best of {ROUNDS} rounds; x = ratio to the first line"
    )
    show("One comparison", one_comparison())
    show("Many comparisons", many_comparisons())
    show("Other work", other_work())
    show("Quantiles", quantiles())
    show("Fresh process", imports())


if __name__ == "__main__":
    main()

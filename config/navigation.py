"""Where everything is: the left rail, the places of each part, and what can be begun from anywhere."""

from dataclasses import dataclass
from functools import cache

from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Place:
    """A page named in the menu and in the palette; `route` is the name of its address."""

    title: str
    route: str
    words: str = ""
    """What people also call it."""
    in_menu: bool = False
    """Whether it stands below its entry in the menu; pages that are tabs of one another do not."""

    @property
    def address(self) -> str:
        return _address(self.route)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the left rail: its key after `g`, the first parts of its addresses, and its places."""

    title: str
    key: str
    parts: tuple[str, ...]
    places: tuple[Place, ...]

    @property
    def there(self) -> tuple[Place, ...]:
        """The places that this site has."""
        return tuple(place for place in self.places if place.address)

    @property
    def in_menu(self) -> tuple[Place, ...]:
        """What the menu shows below the entry of the current page."""
        return tuple(place for place in self.there if place.in_menu)

    @property
    def prefix(self) -> str:
        """Where the entry leads: to its first place."""
        return self.there[0].address


NAVIGATION = (
    Entry("Home", "h", ("",), (Place("Home", "home", "start, mine, waiting"),)),
    Entry(
        "Experiments",
        "x",
        ("experiments",),
        (
            Place("All experiments", "experiments", "list, tests"),
            Place("Timeline", "portfolio-timeline", "calendar"),
            Place("Cumulative impact", "portfolio-impact", "shrinkage, winner's curse"),
            Place("Interactions", "portfolio-interactions", "overlap, collisions"),
            Place("The week", "portfolio-digest", "digest, summary"),
            Place("Duration and power", "planning-duration", "calculator, sample size"),
            Place("Sample-ratio planner", "planning-split", "srm, weights"),
            Place("Decision rules", "decision-rules", "verdicts, states"),
        ),
    ),
    Entry(
        "Flags",
        "f",
        ("flags",),
        (
            Place("All flags", "flags", "features, switches, stale"),
            Place("Segments", "flag-segments", "audiences, cohorts"),
            Place("Layers", "flag-layers", "mutual exclusion, slots"),
            Place("Holdouts", "flag-holdouts", "hold back"),
            Place("Ramp plans", "flag-ramps", "rollout, coverage"),
            Place("Code references", "flag-code", "usages"),
            Place("Import", "flag-import", "migrate"),
            Place("Environments", "flag-environments", "production, staging"),
            Place("API and SDK keys", "sdk-keys", "secrets, tokens"),
        ),
    ),
    Entry(
        "Metrics",
        "m",
        ("metrics",),
        (
            Place("All metrics", "metrics", "definitions, registry"),
            Place("Calibration", "calibration", "a/a, false positives"),
        ),
    ),
    Entry(
        "Impact",
        "i",
        ("impact",),
        (
            Place("Price tag", "impact", "money, dollars per 100 ms, elasticity"),
            Place("Ablations", "ablations", "slowdown, delay, study"),
            Place("Ablation studies", "ablations", "slow users down, kill switch, doses"),
            Place("Study planner", "ablation-planner", "power, users per arm, knee, cost"),
            Place("Evidence", "impact-evidence", "findings, ablation"),
            Place("Published studies", "impact-studies", "literature"),
        ),
    ),
    Entry(
        "Reviews",
        "r",
        ("reviews", "organisation"),
        (
            Place("Launch reviews", "reviews", "inbox, sign-off, approve", in_menu=True),
            Place("Incidents", "incidents", "outage, trip"),
            Place("Postmortems", "postmortems", "causes, learning"),
            Place("Action items", "actions", "overdue, due"),
            Place("Design documents", "design-documents", "performance section"),
            Place("Who may block", "blockers", "veto, stop"),
            Place("Guardrail sets", "guardrails", "policy, margins", in_menu=True),
            Place("Weekly digests", "digests", "shipped, stopped"),
            Place("Audit trail", "audit", "who changed what, history, log", in_menu=True),
            Place("Receivers", "receivers", "webhooks, slack, pagerduty, notifications", in_menu=True),
            Place("Teams and people", "teams", "organisation, groups", in_menu=True),
            Place("Surfaces", "surfaces", "pages, owners"),
            Place("People and roles", "people", "accounts, permissions"),
            Place("Without an owner", "orphans", "unowned, inactive"),
        ),
    ),
    Entry(
        "Watch",
        "w",
        ("watch", "events", "sources"),
        (
            Place("Monitors", "monitors", "alerts, paging", in_menu=True),
            Place("Performance budgets", "perf-budgets", "ci, budget", in_menu=True),
            Place("Sessions", "sessions", "drill-down, traces", in_menu=True),
            Place("Jobs", "jobs", "queue, worker, dead", in_menu=True),
            Place("Events", "events", "ingest, counts", in_menu=True),
            Place("Refused events", "refused-events", "quarantine, replay"),
            Place("Labelled events", "labelled-events", "deploys, incidents"),
            Place("Personal data", "personal-data", "erase, retention, gdpr"),
            Place("Imports", "event-imports", "csv, upload"),
            Place("Sources", "sources", "tables, warehouse, parquet", in_menu=True),
        ),
    ),
    Entry(
        "Learn",
        "l",
        ("learn", "help"),
        (
            Place("Learn", "handbook", "handbook, glossary, course", in_menu=True),
            Place("API", "api-pages", "rest, openapi", in_menu=True),
        ),
    ),
)
BEGINNINGS = (
    Place("New experiment", "experiment-new", "create, plan"),
    Place("New flag", "flag-new", "create"),
    Place("New metric", "metric-new", "create, define"),
    Place("New source", "source-new", "create, table"),
    Place("New labelled event", "labelled-event-new", "create, deploy"),
    Place("Verify the audit chain", "audit-verify", "hash, tamper"),
)


@cache
def _address(route: str) -> str:
    """Where the route leads; empty where this site does not have it."""
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""


def current(path: str) -> Entry | None:
    """The entry that a page belongs to."""
    top = path.split("/")[1] if "/" in path else ""
    return next((entry for entry in NAVIGATION if top in entry.parts), None)


def current_place(entry: Entry | None, path: str) -> Place | None:
    """The place in the menu with the longest address that the page lies below."""
    top = path.split("/")[1] if "/" in path else ""
    fits = [place for place in entry.in_menu if path.startswith(place.address)] if entry else []
    if entry and not fits and top in entry.parts[1:]:
        fits = [place for place in entry.in_menu if place.address.split("/")[1] == top]
    return max(fits, key=lambda place: len(place.address), default=None)

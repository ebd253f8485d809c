"""Where everything is: the left rail, the places of each part, and what can be begun from anywhere."""

from dataclasses import dataclass

from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Place:
    """A page named in the menu and in the palette; `route` is the name of its address."""

    title: str
    route: str
    words: str = ""
    """What people also call it."""
    in_menu: bool = False
    """Whether it stands below its entry in the menu; tabs of the place before them do not."""

    @property
    def address(self) -> str:
        return reverse(self.route)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the left rail: its key after `g`, and the places that belong to it."""

    title: str
    key: str
    places: tuple[Place, ...]

    @property
    def in_menu(self) -> tuple[Place, ...]:
        """What the menu shows below the entry of the current page."""
        return tuple(place for place in self.places if place.in_menu)

    @property
    def prefix(self) -> str:
        """Where the entry leads: to its first place."""
        return self.places[0].address


NAVIGATION = (
    Entry("Home", "h", (Place("Home", "home", "start, mine, waiting"),)),
    Entry(
        "Experiments",
        "x",
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
        (
            Place("All metrics", "metrics", "definitions, registry"),
            Place("Calibration", "calibration", "a/a, false positives"),
        ),
    ),
    Entry(
        "Impact",
        "i",
        (
            Place("Price tag", "impact", "money, dollars per 100 ms, elasticity"),
            Place("Ablation studies", "ablations", "slow users down, delay, kill switch, doses"),
            Place("Study planner", "ablation-planner", "power, users per arm, knee, cost"),
            Place("Evidence", "impact-evidence", "findings, ablation"),
            Place("Published studies", "impact-studies", "literature"),
        ),
    ),
    Entry(
        "Reviews",
        "r",
        (
            Place("Launch reviews", "reviews", "inbox, sign-off, approve", in_menu=True),
            Place("Incidents", "incidents", "outage, on call"),
            Place("Postmortems", "postmortems", "causes, learning"),
            Place("Action items", "actions", "overdue, due"),
            Place("Design documents", "design-documents", "performance section"),
            Place("Waived budgets", "budget-waivers", "performance budget, build, bundle size"),
            Place("Weekly digests", "digests", "shipped, stopped"),
            Place("Who may block", "blockers", "veto, stop"),
            Place("Guardrail sets", "guardrails", "policy, margins", in_menu=True),
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
        (
            Place("Guardrail trips", "trips", "on call, harm, hold, alarm", in_menu=True),
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


def current(path: str) -> tuple[Entry | None, Place | None]:
    """The entry that a page belongs to, and which place of its menu is lit.

    A page belongs to the place with the longest address that its own begins with. A place outside the menu is
    a tab of the place in the menu that stands before it.
    """
    owners = ((entry, place) for entry in NAVIGATION for place in entry.places if _is_below(path, place))
    entry, place = max(owners, key=lambda found: len(found[1].address), default=(None, None))
    if entry is None or place is None:
        return None, None
    before = entry.places[: entry.places.index(place) + 1]
    return entry, next((each for each in reversed(before) if each.in_menu), None)


def _is_below(path: str, place: Place) -> bool:
    """Whether the page lies below the place; everything begins with the address of the first page."""
    return path == place.address or (place.address != "/" and path.startswith(place.address))

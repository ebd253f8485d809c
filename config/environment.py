"""Reading the process environment: the only place that knows variable names and their defaults.

Nothing here imports Django, so that the settings, the edge and the process manager read the same values.
"""

import os
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

Network = IPv4Network | IPv6Network
ROOT = Path(__file__).resolve().parent.parent
MIN_SECRET_LENGTH = 50
CONNECT_TIMEOUT_S = 3
MAIL_FROM = "headway@localhost"
MAIL_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadEnvironment(Exception):
    """An environment variable is missing or malformed; the message names it and the fix."""


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail server; without one, `host` is empty and no mail is sent."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    is_starttls: bool = False
    is_tls: bool = False
    sender: str = MAIL_FROM


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """The OpenID Connect provider; without one, `issuer` is empty and people log in by password.

    `roles` are pairs of a group and what its members hold: `shop-admins=admin`,
    `web-perf=reviewer:performance`, `shop=experimenter@staging`.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    title: str = "single sign-on"
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    roles: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says, parsed once."""

    database_url: str
    redis_url: str
    event_store_url: str
    engine: str
    rollups: str
    secret_key: str
    web_url: str
    edge_url: str
    allowed_hosts: tuple[str, ...]
    mail: Mail
    single_sign_on: SingleSignOn
    outbound_allow: tuple[Network, ...]
    source_roots: tuple[str, ...]
    api_rate: int
    is_embedded: bool
    is_debug: bool


def read(variables: "os._Environ[str] | dict[str, str]" = os.environ) -> Environment:
    """Parse the environment. Raises BadEnvironment naming the variable and the fix."""
    web_url = variables.get("HEADWAY_WEB_URL", "http://127.0.0.1:8000")
    host = urlsplit(web_url).hostname or "127.0.0.1"
    is_embedded = variables.get("HEADWAY_EMBEDDED") == "1"
    if is_embedded and host not in LOOPBACK:
        raise BadEnvironment(
            f"HEADWAY_WEB_URL is {web_url}, and the embedded servers are for this machine only. "
            "Set DATABASE_URL and REDIS_URL to servers of your own; docs/how-to/install.md says how."
        )
    return Environment(
        database_url=_required(variables, "DATABASE_URL", "postgresql://user:password@host:5432/headway"),
        redis_url=_required(variables, "REDIS_URL", "redis://:password@host:6379/0"),
        event_store_url=variables.get("HEADWAY_EVENT_STORE", (ROOT / ".headway" / "events").as_uri()),
        engine=variables.get("HEADWAY_ENGINE", "duckdb"),
        rollups=variables.get("HEADWAY_ROLLUPS", ""),
        secret_key=_secret(variables),
        web_url=web_url.rstrip("/"),
        edge_url=variables.get("HEADWAY_EDGE_URL", "http://127.0.0.1:8001").rstrip("/"),
        allowed_hosts=_hosts(variables.get("HEADWAY_ALLOWED_HOSTS", ""), host),
        mail=_mail(variables),
        single_sign_on=_single_sign_on(variables),
        outbound_allow=_networks(variables, "HEADWAY_OUTBOUND_ALLOW"),
        source_roots=_folders(variables.get("HEADWAY_SOURCE_ROOTS", "")),
        api_rate=_count(variables, "HEADWAY_API_RATE", default=3_000),
        is_embedded=is_embedded,
        is_debug=variables.get("HEADWAY_DEBUG") == "1",
    )


def _required(variables: "os._Environ[str] | dict[str, str]", name: str, example: str) -> str:
    value = variables.get(name, "")
    if not value:
        raise BadEnvironment(
            f"{name} is not set. Set it, for example {name}={example}, "
            "or start through `make serve`, which brings its own servers."
        )
    return value


def _count(variables: "os._Environ[str] | dict[str, str]", name: str, *, default: int) -> int:
    text = variables.get(name) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise BadEnvironment(f"{name} is {text!r}; write a whole number, for example {name}={default}")
    return int(text)


def _secret(variables: "os._Environ[str] | dict[str, str]") -> str:
    value = _required(variables, "HEADWAY_SECRET_KEY", "<at least 50 random characters>")
    if len(value) < MIN_SECRET_LENGTH:
        raise BadEnvironment(
            f"HEADWAY_SECRET_KEY has {len(value)} characters; it needs at least {MIN_SECRET_LENGTH}. "
            'Make one with: python -c "import secrets; print(secrets.token_urlsafe(64))"'
        )
    return value


def _hosts(listed: str, web_host: str) -> tuple[str, ...]:
    named = tuple(host.strip() for host in listed.split(",") if host.strip())
    return (*named, web_host, *LOOPBACK[:2])


def _folders(listed: str) -> tuple[str, ...]:
    """Full paths separated by colons: where Parquet files of a company's own may be read."""
    named = tuple(folder.strip() for folder in listed.split(":") if folder.strip())
    wrong = next((folder for folder in named if not folder.startswith("/")), "")
    if wrong:
        raise BadEnvironment(
            f"HEADWAY_SOURCE_ROOTS names {wrong!r}, which is no full path; write /data/warehouse"
        )
    return named


def _mail(variables: "os._Environ[str] | dict[str, str]") -> Mail:
    """From `smtp://user:password@host:587` (STARTTLS), `smtps://…:465` (TLS) or `smtp+plain://host:25`."""
    url = variables.get("HEADWAY_MAIL_URL", "")
    sender = variables.get("HEADWAY_MAIL_FROM", MAIL_FROM)
    if not url:
        return Mail(sender=sender)
    parts = urlsplit(url)
    if parts.scheme not in MAIL_PORTS or not parts.hostname:
        raise BadEnvironment(
            f"HEADWAY_MAIL_URL starts with {parts.scheme!r} or names no host; "
            "write it like smtp://user:password@mail.example.com:587 or smtps://…:465"
        )
    return Mail(
        host=parts.hostname,
        port=parts.port or MAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        is_starttls=parts.scheme == "smtp",
        is_tls=parts.scheme == "smtps",
        sender=sender,
    )


def _single_sign_on(variables: "os._Environ[str] | dict[str, str]") -> SingleSignOn:
    """All of issuer, client id and secret, or none of them. Only a provider on this machine may lack TLS."""
    issuer = variables.get("HEADWAY_OIDC_ISSUER", "").rstrip("/")
    if not issuer:
        return SingleSignOn()
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise BadEnvironment(f"HEADWAY_OIDC_ISSUER is {issuer}; write its address with https://")
    return SingleSignOn(
        issuer=issuer,
        client_id=_required(variables, "HEADWAY_OIDC_CLIENT_ID", "headway"),
        client_secret=_required(variables, "HEADWAY_OIDC_CLIENT_SECRET", "<what the provider gave>"),
        title=variables.get("HEADWAY_OIDC_TITLE") or "single sign-on",
        name_claim=variables.get("HEADWAY_OIDC_NAME_CLAIM") or "preferred_username",
        groups_claim=variables.get("HEADWAY_OIDC_GROUPS_CLAIM") or "groups",
        roles=_pairs(variables, "HEADWAY_OIDC_ROLES"),
    )


def _pairs(variables: "os._Environ[str] | dict[str, str]", name: str) -> tuple[tuple[str, str], ...]:
    """`a=b, c=d`; a group may hold `=` itself, so the last one counts."""
    parts = [part.strip() for part in variables.get(name, "").split(",") if part.strip()]
    found = [(left.strip(), right.strip()) for left, _, right in (part.rpartition("=") for part in parts)]
    if not all(left and right for left, right in found):
        raise BadEnvironment(f"{name}: write pairs of group and role like shop-admins=admin")
    return tuple(found)


def _networks(variables: "os._Environ[str] | dict[str, str]", name: str) -> tuple[Network, ...]:
    listed = variables.get(name, "")
    try:
        return tuple(ip_network(part.strip()) for part in listed.split(",") if part.strip())
    except ValueError as wrong:
        raise BadEnvironment(f"{name}: {wrong}; write networks like 10.1.0.0/16, 192.168.7.9/32") from None


def django_database(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a postgresql:// address."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise BadEnvironment(
            f"DATABASE_URL starts with {parts.scheme!r} or names no database; "
            "Headway runs on PostgreSQL: postgresql://user:password@host:5432/headway"
        )
    options: dict[str, object] = {"connect_timeout": CONNECT_TIMEOUT_S, **dict(parse_qsl(parts.query))}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }

"""What another process needs to work on a test's database and store."""

import os
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[3]


def environment(store):
    """The environment of such a process."""
    found = connection.get_connection_params()
    name, password = quote(found["user"]), quote(found.get("password", ""))
    host = found["host"]
    place = f"{host}:{found['port']}" if not host.startswith("/") else ""
    query = "" if place else f"?host={quote(host, safe='')}&port={found['port']}"
    return {
        **os.environ,
        "DATABASE_URL": f"postgresql://{name}:{password}@{place}/{quote(found['dbname'])}{query}",
        "HEADWAY_EVENT_STORE": store.as_uri(),
        "HEADWAY_SECRET_KEY": settings.SECRET_KEY,
        "PYTHONPATH": str(ROOT / "sdk/python/src"),
    }

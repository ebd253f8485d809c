"""The settings as tools see them that only look at the code: the type checker's Django plugin.

Nothing connects to what these addresses name; they are used where the environment names nothing.
"""

import os
import secrets

os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:5432/nothing")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6379/0")
os.environ.setdefault("HEADWAY_SECRET_KEY", secrets.token_urlsafe(64))

from config.settings import *  # noqa: F403

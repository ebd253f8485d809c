"""The demonstration's login: a random password, remembered so that it can be shown again."""

import secrets

from django.contrib.auth.models import User

from demo.memory import Memory

NAME = "demo"
PASSWORD_BYTES = 12


def ensure(memory: Memory) -> str | None:
    """The password of the login, made on the first run; None when somebody has set another one since."""
    user = User.objects.filter(username=NAME).first()
    remembered = memory.recall("password")
    if user is not None:
        is_current = remembered is not None and user.check_password(remembered)
        return remembered if is_current else None
    password = remembered or secrets.token_urlsafe(PASSWORD_BYTES)
    memory.keep("password", password)
    User.objects.create_user(NAME, password=password)
    return password

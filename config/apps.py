from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The site itself, installed for its commands, checks and wiring."""

    name = "config"

    def ready(self) -> None:
        """Load what only works when somebody has imported it."""
        # Without the application in this process a task goes to a broker nobody named.
        from config import celery  # noqa: F401

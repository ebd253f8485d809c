"""The description of the API at /api/v1/schema."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularJSONAPIView

from experiments.drafts import ExperimentKind
from experiments.lifecycle import State
from governance.outbound.formats import Kind as ReceiverKind


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How API keys appear in the description."""

    target_class = "flags.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of scope `read` (GET only) or `admin`, made on the page Flags > Keys.",
        }


def experiment_states() -> list[str]:
    """Two kinds of objects have a `state`; the description needs a name for each set of words."""
    return [state.value for state in State]


def experiment_kinds() -> list[str]:
    """Flags have a `kind` as well."""
    return [kind.value for kind in ExperimentKind]


def receiver_kinds() -> list[str]:
    """Receivers have a `kind` too."""
    return [kind.value for kind in ReceiverKind]


schema = SpectacularJSONAPIView.as_view()

"""Headway's SDK for Python. Importing it loads nothing that is not asked for."""

__version__ = "0.1.0"
__all__ = ["Client", "Evaluation", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from headway.client import Client
    from headway.evaluation import Evaluation


def __getattr__(name: str) -> object:
    if name == "Client":
        from headway.client import Client

        return Client
    if name == "Evaluation":
        from headway.evaluation import Evaluation

        return Evaluation
    raise AttributeError(f"module 'headway' has no attribute {name!r}")

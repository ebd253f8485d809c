"""What tests of the API share: chance that is the same in every run, and a database emptied fast."""

from tests.chance import same_chance
from tests.databases import emptied_fast

__all__ = ["emptied_fast", "same_chance"]

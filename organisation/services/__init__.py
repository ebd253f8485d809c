"""Changes of teams, surfaces, roles and ownership."""

from organisation.services.handing import hand_over_everything, transfer_surface, transfer_team
from organisation.services.roles import grant, revoke
from organisation.services.structure import archive, change_surface, change_team, create_surface, create_team

__all__ = [
    "archive",
    "change_surface",
    "change_team",
    "create_surface",
    "create_team",
    "grant",
    "hand_over_everything",
    "revoke",
    "transfer_surface",
    "transfer_team",
]

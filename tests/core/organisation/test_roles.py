"""Roles: which right each gives, where, and who may sign."""

import pytest

from organisation.roles import MEANINGS, RIGHTS, Discipline, Grant, Right, Role, may, may_sign


def test_roles__every_one__has_rights_and_a_meaning():
    assert set(RIGHTS) == set(MEANINGS) == set(Role)


@pytest.mark.parametrize("role", Role)
def test_role__any__may_look(role):
    assert may([Grant(role)], Right.LOOK)


def test_nobody__without_a_role__only_looks():
    allowed = [right for right in Right if may([], right)]

    assert allowed == [Right.LOOK]


@pytest.mark.parametrize(
    ("role", "right"),
    [
        (Role.EXPERIMENTER, Right.EXPERIMENT),
        (Role.REVIEWER, Right.REVIEW),
        (Role.METRIC_OWNER, Right.DEFINE_METRICS),
        (Role.ADMIN, Right.ADMINISTER),
    ],
)
def test_role__its_right__given_and_no_other_but_by_admin(role, right):
    allowed = {each for each in Right if may([Grant(role)], each)}

    assert right in allowed
    assert allowed == (set(Right) if role is Role.ADMIN else {Right.LOOK, right})


def test_grant__of_one_environment__holds_only_there():
    held = [Grant(Role.ADMIN, environment="staging")]

    assert may(held, Right.EXPERIMENT, "staging")
    assert not may(held, Right.EXPERIMENT, "production")
    assert not may(held, Right.ADMINISTER)


def test_sign__needs_the_reviewer_of_that_discipline():
    held = [Grant(Role.REVIEWER, discipline=Discipline.PERFORMANCE), Grant(Role.ADMIN)]

    assert may_sign(held, Discipline.PERFORMANCE)
    assert not may_sign(held, Discipline.PRIVACY)

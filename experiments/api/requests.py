"""What the bodies of this API hold, for its OpenAPI document. They are read and judged elsewhere:
`experiments.drafts` for plans, the views for steps."""

from typing import Any

from rest_framework import serializers

from experiments.drafts import ExperimentKind
from experiments.models import Taken
from experiments.plan import WHOLE_PPM, ArmRole, Inference, Role
from metrics.definitions import Direction

REASON = "Why, for the history."
PPM = "Parts per million: 250000 is 25 %."


class _Body(serializers.Serializer[Any]):
    pass


class ReasonBody(_Body):
    reason = serializers.CharField(required=False, max_length=2000, help_text=f"{REASON} Some need it.")


class AmountBody(_Body):
    value = serializers.FloatField()
    relative = serializers.BooleanField(help_text="true: a share of the control's value; else in its unit.")


class HypothesisBody(_Body):
    change = serializers.CharField(required=False)
    audience = serializers.CharField(required=False)
    metric = serializers.CharField(required=False, help_text="Key of a metric; bind it too.")
    direction = serializers.ChoiceField(list(Direction), required=False)
    expected = AmountBody(required=False)
    mechanism = serializers.CharField(required=False)
    refuted_if = serializers.CharField(required=False)


class ArmBody(_Body):
    key = serializers.CharField()
    variant = serializers.CharField(help_text="The flag's variant that this arm gets.")
    weight_ppm = serializers.IntegerField(min_value=1, max_value=WHOLE_PPM, help_text=PPM)
    role = serializers.ChoiceField(list(ArmRole), required=False, help_text="One arm is the control.")
    dose_ms = serializers.IntegerField(
        required=False, allow_null=True, help_text="Added delay of an ablation."
    )


class TriggerBody(_Body):
    event = serializers.CharField()
    where = serializers.DictField(child=serializers.CharField(), required=False)


class DraftBody(_Body):
    """A plan. A draft may have gaps; `/preflight` says which keep it from starting."""

    title = serializers.CharField(required=False)
    owner = serializers.CharField(required=False)
    backup_owner = serializers.CharField(required=False)
    team = serializers.CharField(required=False)
    surface = serializers.CharField(required=False)
    kind = serializers.ChoiceField(list(ExperimentKind), required=False)
    flag = serializers.CharField(required=False)
    environment = serializers.CharField(required=False)
    unit_type = serializers.CharField(required=False)
    assigned_here = serializers.BooleanField(required=False, help_text="false: another system assigns.")
    hypothesis = HypothesisBody(required=False)
    arms = ArmBody(many=True, required=False)
    inference = serializers.ChoiceField(list(Inference), required=False)
    alpha = serializers.FloatField(required=False)
    looks = serializers.IntegerField(required=False, allow_null=True)
    min_days = serializers.IntegerField(required=False)
    max_days = serializers.IntegerField(required=False)
    planned_units = serializers.IntegerField(required=False, allow_null=True, help_text="In each arm.")
    dimensions = serializers.ListField(child=serializers.CharField(), required=False)
    filters = serializers.DictField(child=serializers.CharField(), required=False)
    excluded = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Exposure dims of bots and of your own people, whose units are left out.",
    )
    trigger = TriggerBody(
        required=False, allow_null=True, help_text="Only units with this event take part, from then on."
    )
    layer = serializers.CharField(required=False)
    layer_share_ppm = serializers.IntegerField(required=False, allow_null=True, help_text=PPM)
    source = serializers.CharField(  # type: ignore[assignment]  # DRF keeps fields apart from its attributes
        required=False, help_text="Key of your own tables; else Headway's events."
    )
    prior_sd = serializers.FloatField(
        required=False, allow_null=True, help_text="Width of the prior of a Bayesian read-out, as a share."
    )


class NewExperimentBody(DraftBody):
    key = serializers.CharField(help_text="Lower-case letters, digits and hyphens; never changes.")
    title = serializers.CharField()


class BindingBody(_Body):
    metric = serializers.CharField()
    role = serializers.ChoiceField(list(Role))
    version = serializers.IntegerField(required=False, allow_null=True, help_text="Left out: the newest.")
    blocking = serializers.BooleanField(required=False, allow_null=True)
    margin = AmountBody(required=False, help_text="The largest loss accepted; left out: the metric's own.")
    gain = AmountBody(required=False, help_text="The smallest worthwhile effect.")


class StartBody(_Body):
    coverage_ppm = serializers.IntegerField(required=False, help_text=f"{PPM} Left out: all units.")
    publish = serializers.BooleanField(required=False, help_text="false: another system assigns.")
    began_at = serializers.DateTimeField(required=False, help_text="For data of the past; needs a reason.")
    reason = serializers.CharField(required=False, help_text=REASON)


class StopBody(_Body):
    reason = serializers.CharField(help_text=REASON)
    ended_at = serializers.DateTimeField(required=False, help_text="For data of the past.")


class CoverageBody(_Body):
    coverage_ppm = serializers.IntegerField(help_text=f"{PPM} More than now.")
    reason = serializers.CharField(help_text=REASON)


class DecideBody(_Body):
    taken = serializers.ChoiceField(Taken.values)
    snapshot_sha256 = serializers.CharField(help_text="The report that the decision rests on.")
    reason = serializers.CharField(help_text=REASON)
    arm = serializers.CharField(required=False, help_text="Which treatment is shipped, of several.")
    at_once = serializers.BooleanField(required=False, help_text="false: prepare a roll-out afterwards.")


class ScheduleBody(_Body):
    start_at = serializers.DateTimeField(help_text="With its zone.")
    stop_at = serializers.DateTimeField(required=False)
    coverage_ppm = serializers.IntegerField(required=False, help_text=PPM)
    reason = serializers.CharField(required=False, help_text=REASON)


class ScheduleStopBody(_Body):
    stop_at = serializers.DateTimeField(help_text="With its zone.")
    reason = serializers.CharField(help_text=REASON)


class ChangeBody(_Body):
    coverage_ppm = serializers.IntegerField(
        required=False, help_text=f"{PPM} Left out: the draft version is what is asked for."
    )
    reason = serializers.CharField(help_text=REASON)


class StepOfRampBody(_Body):
    coverage_ppm = serializers.IntegerField(help_text=PPM)
    hold_minutes = serializers.IntegerField(required=False)
    min_units = serializers.IntegerField(required=False)
    needs_approval = serializers.BooleanField(required=False)
    on_trip = serializers.ChoiceField(["hold", "roll_back"], required=False)


class RampBody(_Body):
    """A ramp plan by its key, or steps."""

    plan = serializers.CharField(required=False)
    steps = StepOfRampBody(many=True, required=False)
    reason = serializers.CharField(required=False, help_text=REASON)


class RampStepBody(_Body):
    step = serializers.IntegerField(help_text="Counted from 0.")
    reason = serializers.CharField(required=False, help_text=REASON)


class RolloutBody(RampBody):
    arm = serializers.CharField(required=False)
    holdback_ppm = serializers.IntegerField(required=False, help_text="0, or 10000 to 50000.")
    follow_up_on = serializers.DateField(required=False)


class FollowOnBody(_Body):
    key = serializers.CharField(help_text="Of the new experiment.")
    title = serializers.CharField(required=False)

"""What bodies may hold; see ledger.bodies."""

from typing import Any

from rest_framework import serializers

PPM = "Give parts per million, for example 50000 for 5 %."


class NewFlagRequest(serializers.Serializer[Any]):
    """`variants` maps names to values; left out, the usual ones of the type are taken."""

    key = serializers.CharField(help_text="Give the name that product code asks for.")
    value_type = serializers.CharField(help_text="Give bool, string, number or json.")
    title = serializers.CharField(required=False)
    kind = serializers.CharField(required=False)
    unit_type = serializers.CharField(required=False)
    owner = serializers.CharField(required=False)
    backup = serializers.CharField(required=False)
    team = serializers.CharField(required=False)
    json_schema = serializers.DictField(required=False, allow_null=True)
    expires_on = serializers.DateField(required=False, allow_null=True)
    is_client_side = serializers.BooleanField(required=False)
    variants = serializers.DictField(required=False)
    default = serializers.CharField(required=False)


class FlagSettingsRequest(serializers.Serializer[Any]):
    """What of a flag can change without changing what it serves."""

    title = serializers.CharField(required=False)
    kind = serializers.CharField(required=False)
    owner = serializers.CharField(required=False)
    backup = serializers.CharField(required=False)
    team = serializers.CharField(required=False)
    json_schema = serializers.DictField(required=False, allow_null=True)
    expires_on = serializers.DateField(required=False, allow_null=True)
    is_client_side = serializers.BooleanField(required=False)


class ReasonRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False)


class RotateRequest(serializers.Serializer[Any]):
    """`overlap_hours` is how long the old key goes on working: 0 to 720, 24 when it is left out."""

    overlap_hours = serializers.IntegerField(required=False)


class NeededReasonRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Write one sentence for the history.")


class SwitchRequest(NeededReasonRequest):
    """`seen` is the number of the version that was live when the decision was made."""

    seen = serializers.IntegerField(required=False)


class DraftRequest(serializers.Serializer[Any]):
    """`seen` is the checksum of the draft or version that the change started from."""

    definition = serializers.DictField(help_text="Give the flag's definition.")
    seen = serializers.CharField(required=False)


class PublishRequest(ReasonRequest):
    """`seen` is the checksum of the draft that was looked at."""

    seen = serializers.CharField(required=False)


class RevertRequest(ReasonRequest):
    """`seen` is the number of the version that was live when the decision was made."""

    seen = serializers.IntegerField(required=False)


class CoverageRequest(ReasonRequest):
    """`rule` is needed when several rules have a coverage."""

    coverage_ppm = serializers.IntegerField(help_text=PPM)
    rule = serializers.CharField(required=False)
    seen = serializers.IntegerField(required=False)


class PreviewRequest(serializers.Serializer[Any]):
    """`of`: live (the default) or draft."""

    unit = serializers.CharField(required=False, allow_null=True)
    attributes = serializers.DictField(required=False)
    of = serializers.CharField(required=False)


class NewEnvironmentRequest(serializers.Serializer[Any]):
    key = serializers.CharField()
    is_production = serializers.BooleanField(required=False)
    requires_review = serializers.BooleanField(required=False)


class ReviewSettingRequest(NeededReasonRequest):
    is_required = serializers.BooleanField(help_text="Give true or false.")


class NewHoldoutRequest(serializers.Serializer[Any]):
    """`layers`: keys of layers; left out or null for all experiments."""

    key = serializers.CharField()
    environment = serializers.CharField()
    share_ppm = serializers.IntegerField(help_text=PPM)
    unit_type = serializers.CharField(required=False)
    layers = serializers.ListField(required=False, allow_null=True)
    title = serializers.CharField(required=False)
    owner = serializers.CharField(required=False)


class NewChangeRequest(ReasonRequest):
    """`version` for publish, `coverage_ppm` and perhaps `rule` for coverage, neither for the switches."""

    kind = serializers.CharField(help_text="Give publish, coverage, switch_on or switch_off.")
    run_at = serializers.CharField(help_text="Give a time with its zone, such as 2026-11-23T10:00:00Z.")
    version = serializers.IntegerField(required=False)
    coverage_ppm = serializers.IntegerField(required=False)
    rule = serializers.CharField(required=False)


class NewLayerRequest(serializers.Serializer[Any]):
    key = serializers.CharField()
    unit_type = serializers.CharField(required=False)


class NewSegmentRequest(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField(required=False)
    owner = serializers.CharField(required=False)


class SegmentRequest(ReasonRequest):
    """`seen` is the number of the version that the change started from, 0 for none."""

    when = serializers.DictField(help_text="Give the conditions.")
    seen = serializers.IntegerField(required=False)


class NewKeyRequest(serializers.Serializer[Any]):
    environment = serializers.CharField()
    name = serializers.CharField()
    scope = serializers.CharField()
    accepts_history = serializers.BooleanField(required=False)


class NewRampPlanRequest(serializers.Serializer[Any]):
    key = serializers.CharField()
    steps = serializers.ListField(help_text='Give steps such as {"coverage_ppm": 10000, "hold_minutes": 60}.')
    title = serializers.CharField(required=False)


class RampRequest(ReasonRequest):
    """`plan` names a template; `steps` are taken instead when they are given."""

    plan = serializers.CharField(required=False)
    steps = serializers.ListField(required=False)
    rule = serializers.CharField(required=False)


class RampStepRequest(ReasonRequest):
    step = serializers.IntegerField(help_text="Give the number of a step; 0 is the first.")

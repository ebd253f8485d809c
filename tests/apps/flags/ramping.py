# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""A ramp of three steps on the flag `checkout`, and its clock."""

from datetime import timedelta

from flags import services
from flags.models import RampRun
from flags.services import ramps
from tests.apps.flags.build import BY, NOW, definition, flag, published, split

AT: dict = {"flag": "checkout", "environment": "production"}
STEPS = [
    {"coverage_ppm": 10_000, "hold_minutes": 60},
    {"coverage_ppm": 100_000, "hold_minutes": 60, "on_trip": "roll_back"},
    {"coverage_ppm": 1_000_000, "hold_minutes": 60},
]
HOUR = timedelta(minutes=60)


def start(steps=STEPS, coverage_ppm=0, **options):
    flag()
    published([split(coverage_ppm)])
    return services.start_ramp(**AT, steps=steps, **{**BY, **options})


def tick(hours):
    return ramps.tick(now=NOW + HOUR * hours)


def coverage():
    return definition()["rules"][0]["split"]["coverage_ppm"]


def run():
    return RampRun.objects.get()

"""What latency is worth: doses, instruments, curves and knees, and what history shows.

Pure functions of numpy and scipy, like the rest of the core. Effects are relative to the outcome without the
delay, slopes are per 100 ms of delivered delay, and a loss is negative.
"""

from analysis.stats.impact.curves import Curve, Hinge, NoKnee, isotonic_curve, knee
from analysis.stats.impact.doses import DoseArm, Slope, dose_response
from analysis.stats.impact.instrument import Instrumented, InstrumentedArm, two_stage_least_squares
from analysis.stats.impact.money import Price, price_of

__all__ = [
    "Curve",
    "DoseArm",
    "Hinge",
    "Instrumented",
    "InstrumentedArm",
    "NoKnee",
    "Price",
    "Slope",
    "dose_response",
    "isotonic_curve",
    "knee",
    "price_of",
    "two_stage_least_squares",
]

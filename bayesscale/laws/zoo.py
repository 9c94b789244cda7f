"""All laws by name: those that models fit, those that are compared with them, and the joint ones.

Laws with fields are there with plain values for them; `dataclasses.replace` makes others.
"""

from __future__ import annotations

from bayesscale.laws.additive import ADDITIVE_LAW
from bayesscale.laws.base import Law
from bayesscale.laws.chance import ChanceLaw
from bayesscale.laws.exponential import EXPONENTIAL_LAW
from bayesscale.laws.joint import JointLaw
from bayesscale.laws.log_law import LOG_LAW
from bayesscale.laws.m4 import M4Law
from bayesscale.laws.multiplicative import MULTIPLICATIVE_LAW
from bayesscale.laws.power_law import POWER_LAW
from bayesscale.laws.rising import RISING_POWER_LAW
from bayesscale.laws.saturating import SATURATING_LAW
from bayesscale.laws.shifted import ShiftedPowerLaw
from bayesscale.laws.smooth_break import SmoothBreakLaw

ZOO: dict[str, Law] = {
    law.name: law
    for law in (
        LOG_LAW,
        POWER_LAW,
        ShiftedPowerLaw(),
        SATURATING_LAW,
        SmoothBreakLaw(),
        M4Law(),
        ChanceLaw(),
        EXPONENTIAL_LAW,
        RISING_POWER_LAW,
    )
}
"""Laws of one size."""
JOINT_LAWS: dict[str, JointLaw] = {law.name: law for law in (MULTIPLICATIVE_LAW, ADDITIVE_LAW)}
"""Laws of D_p and D_f together."""

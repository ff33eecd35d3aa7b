"""How hypothesis runs where a control is missing: no example is kept for later, none is made smaller.

Refuses to know which tests these are.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "removal",
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=(HealthCheck.too_slow,),  # says more about the machine than about the code
)

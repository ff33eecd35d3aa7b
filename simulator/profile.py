"""What a simulated pump is built from: its declared range, its mechanics and its line.

Refuses to know any protocol. The reference figures are those of protocols/companion/SPEC.md section 7;
the mechanical ones are this project's own and plausible for an ambulatory volumetric pump.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PumpProfile:
    """One model of pump. The default one doses exactly: errors are for the scenarios to add."""

    model: str = "companion-sim"
    firmware: str = "sim-1.0"

    # Declared (SPEC.md section 7).
    min_flow_ul_h: int = 100
    max_flow_ul_h: int = 1_200_000
    flow_step_ul_h: int = 100
    reservoir_ul: int = 250_000
    volume_step_ul: int = 1
    accuracy_permille: int = 50
    max_lease_ms: int = 600_000
    token_life_ms: int = 60_000
    event_ring: int = 256
    idle_pressure_mmhg: int = 8
    has_flow_sensor: bool = True

    # Motor: 0.25 uL a step, so that the values it holds are not the values it was sent.
    steps_per_ul: int = 4
    rate_error_permille: int = 0  # true volume a step moves, against its nominal volume
    slack_ul: int = 0  # start-up: moved by the motor before any fluid moves
    stall_lag_ul: int = 5  # encoder behind motor by this much: motor_stall
    still_proof_ms: int = 20  # no step and no encoder movement for this long: proven still

    # Line. Crono Five leaflet times are a constant 0.42-0.50 mL over flow (verification.md section 1).
    occlusion_volume_ul: int = 450
    occlusion_pressure_mmhg: int = 500  # above idle; 10 psi, the Open PCA figure
    line_resistance_mmhg_s_ul: float = 0.1

    # Bag and battery.
    empty_stroke_ul: int = 10  # a dry stroke of this length is felt as an empty bag
    reservoir_low_ul: int = 1_000  # Open PCA R6.8(9)
    battery_life_h: int = 72
    battery_low_permille: int = 200
    battery_empty_permille: int = 50

    @property
    def compliance_ul_mmhg(self) -> float:
        """How much the line holds more for each mmHg."""
        return self.occlusion_volume_ul / self.occlusion_pressure_mmhg

    @property
    def line_time_constant_s(self) -> float:
        """How fast an open line lets its pressure go."""
        return self.line_resistance_mmhg_s_ul * self.compliance_ul_mmhg


REFERENCE = PumpProfile()

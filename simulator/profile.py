"""What a simulated pump is built from: its declared range, its mechanics and its line.

Refuses to know any protocol. The reference figures are those of protocols/companion/SPEC.md section 7;
the mechanical ones are this project's own and plausible for an ambulatory volumetric pump.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


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
    revolution_ul: int = 100  # one turn of the rotor
    ripple_permille: int = 0  # how far the flow swings within it
    slack_ul: int = 0  # start-up: moved by the motor before any fluid moves
    stall_lag_ul: int = 5  # encoder behind motor by this much: motor_stall
    still_proof_ms: int = 20  # no step and no encoder movement for this long: proven still
    cut_off_ul: int = 500  # an independent circuit takes the motor's power so far beyond its orders; 0: there is none
    hot_c: int = 55  # Open PCA EC9

    # Line. Crono Five leaflet times are a constant 0.42-0.50 mL over flow (verification.md section 1).
    occlusion_volume_ul: int = 450
    occlusion_pressure_mmhg: int = 500  # above idle; 10 psi, the Open PCA figure
    line_resistance_mmhg_s_ul: float = 0.1
    patient_pressure_mmhg: int = 8  # missing at the sensor when the line is off the patient
    upstream_stroke_ul: int = 60  # turned against a closed clamp until the vacuum is felt
    air_single_ul: int = 100  # a longer bubble alarms; figures of this size are usual for such detectors
    air_sum_ul: int = 1_000  # and so does more than this in 15 min (IEC 60601-2-24, as makers' manuals quote it)

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


REFERENCE = PumpProfile()  # ideal: no slack, no ripple, no error
AMBULATORY_BAG = PumpProfile(model="bag-sim", slack_ul=40, ripple_permille=30, rate_error_permille=-8)
# A stiff plunger in an elastic barrel, a long thin line; the whole content is one stroke, so there is no revolution
# to feel but the screw's. No flow sensor and no second circuit: makers rely on the encoder of the plunger.
SYRINGE = PumpProfile(
    model="syringe-sim",
    max_flow_ul_h=200_000,
    reservoir_ul=50_000,
    accuracy_permille=30,
    has_flow_sensor=False,
    steps_per_ul=20,
    slack_ul=250,
    revolution_ul=60,
    ripple_permille=20,
    rate_error_permille=5,
    cut_off_ul=0,
    occlusion_volume_ul=900,
    occlusion_pressure_mmhg=450,
    line_resistance_mmhg_s_ul=2.0,
    reservoir_low_ul=2_000,
)
# What docs/dialects/miva.md section 6 declares; its mechanics are those of the reference.
MIVA = PumpProfile(
    model="miva-sim",
    min_flow_ul_h=1_000,
    max_flow_ul_h=135_000,
    flow_step_ul_h=250,
    volume_step_ul=250,
    accuracy_permille=100,
    max_lease_ms=0,
    has_flow_sensor=False,
)
# A bench syringe pump with a 60 mL syringe: the plunger's range of NE-1000 (docs/dialects/new_era.md section 4).
NEW_ERA = replace(SYRINGE, model="NE1000", min_flow_ul_h=24, max_flow_ul_h=1_699_000, reservoir_ul=60_000)
PROFILES = {
    "reference": REFERENCE,
    "ambulatory_bag": AMBULATORY_BAG,
    "syringe": SYRINGE,
    "miva": MIVA,
    "new_era": NEW_ERA,
}

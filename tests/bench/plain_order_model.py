"""The floor for the order check: the same order as a frozen pydantic model that only knows types.

Kept apart from pumpctl on purpose, and never changed when the order model grows rules.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlainPatient(Plain):
    id: str
    age: str
    sex: str
    weight: str


class PlainProduct(Plain):
    drug: str
    basis: str


class PlainBag(Plain):
    content: str
    final_volume: str
    concentration: str
    diluent: str


class PlainPhase(Plain):
    kind: str
    dose: str
    volume: str
    duration: str
    flow: str
    bag: PlainBag


class PlainSchedule(Plain):
    repeat: str
    local_time: str
    time_zone: str
    first_date: str
    last_date: str


class PlainIndication(Plain):
    condition: str
    severe_and_symptomatic: bool


class PlainAssessment(Plain):
    volume_status: str
    pregnant: bool
    dialysis: bool
    heart_block: bool
    myocardial_damage: bool
    myasthenia: bool
    lambert_eaton: bool
    heart_failure: bool
    arrhythmia: bool
    digoxin: bool
    qtc_above_500_ms: bool
    diarrhoea: bool
    seizures: bool


class PlainReviews(Plain):
    consent: bool
    pharmacist_review: bool
    nephrologist_review: bool
    off_label_acknowledged: bool
    medication_review_at: str
    wasting_drugs: tuple[str, ...]
    oral_magnesium_failed: bool
    intravenous_magnesium_failed: bool
    oral_plan: str


class PlainResult(Plain):
    kind: str
    value: str
    at: str


class PlainOtherMagnesium(Plain):
    parenteral: tuple[str, ...]
    oral: bool


class PlainOrder(Plain):
    """The golden order, deploy/examples/orders/golden-home-sc.json: PlainOrder.model_validate_json(text)."""

    format: int
    order_id: str
    version: int
    authored_at: str
    prescriber: str
    valid_from: str
    valid_until: str
    patient: PlainPatient
    product: PlainProduct
    route: str
    site: str
    care_area: str
    indication: PlainIndication
    course: str
    phases: tuple[PlainPhase, ...]
    schedule: PlainSchedule
    pump_bolus_off: bool
    assessment: PlainAssessment
    reviews: PlainReviews
    results: tuple[PlainResult, ...]
    other_magnesium: PlainOtherMagnesium

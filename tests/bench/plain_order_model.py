"""The floor for the order check: the golden order as a frozen pydantic model that judges nothing.

It reads what a plain model reads: instants with an offset, known words, and each amount as a number above zero of at
most twelve digits with its unit, ready to be reckoned with (docs/adr/0017). Kept apart from pumpctl on purpose, and
never changed when rules grow.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Number: TypeAlias = Annotated[Decimal, Field(gt=0, max_digits=12)]
Unit: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z/]+$")]
Amount: TypeAlias = Annotated[tuple[Number, Unit], BeforeValidator(str.split)]  # "100 mL"


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlainPatient(Plain):
    id: Text
    age: Amount
    sex: Literal["female", "male"]
    weight: Amount


class PlainProduct(Plain):
    drug: Literal["magnesium_sulfate"]
    basis: Literal["heptahydrate", "anhydrous", "elemental"]


class PlainBag(Plain):
    content: Amount
    final_volume: Amount
    concentration: Amount
    diluent: Text


class PlainPhase(Plain):
    kind: Literal["infusion", "loading", "continuous", "intermittent", "emergency"]
    dose: Amount
    volume: Amount
    duration: Amount
    flow: Amount
    bag: PlainBag


class PlainSchedule(Plain):
    repeat: Literal["once", "daily"]
    local_time: dt.time
    time_zone: Text
    first_date: dt.date
    last_date: dt.date


class PlainIndication(Plain):
    condition: Text
    severe_and_symptomatic: bool


class PlainAssessment(Plain):
    volume_status: Literal["depleted", "corrected", "euvolaemic"]
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
    medication_review_at: AwareDatetime
    wasting_drugs: tuple[Text, ...]
    oral_magnesium_failed: bool
    intravenous_magnesium_failed: bool
    oral_plan: Text


class PlainResult(Plain):
    kind: Literal["creatinine_clearance", "magnesium", "potassium", "calcium", "creatinine"]
    value: Amount
    at: AwareDatetime


class PlainOtherMagnesium(Plain):
    parenteral: tuple[Text, ...]
    oral: bool


class PlainOrder(Plain):
    """deploy/examples/orders/golden-home-sc.json: PlainOrder.model_validate_json(content)."""

    format: Literal[1]
    order_id: Text
    version: int = Field(ge=1, le=1_000_000)
    authored_at: AwareDatetime
    prescriber: Text
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    patient: PlainPatient
    product: PlainProduct
    route: Literal["sc", "iv"]
    site: Text
    care_area: Literal["home", "monitored"]
    indication: PlainIndication
    course: Literal["start", "renewal", "dose_change", "stable_maintenance"]
    phases: tuple[PlainPhase, ...]
    schedule: PlainSchedule
    pump_bolus_off: bool
    assessment: PlainAssessment
    reviews: PlainReviews
    results: tuple[PlainResult, ...]
    other_magnesium: PlainOtherMagnesium

"""The native order: what a prescriber asked for, as it was written.

Refuses to judge: clinical values stay the text they arrived as, and a value that is absent is
None, which no rule may read as normal. What is refused here is a file that is not an order at
all: a wrong shape, an unknown key, a wrong type (order_text.py reads files into this).
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_PHASES = 8
MAX_RESULTS = 200
MAX_OVERRIDES = 50

# One line of printable text: control and direction-changing characters could make a screen lie.
Text: TypeAlias = Annotated[str, StringConstraints(max_length=200, pattern=r"^\P{C}*$")]
Name: TypeAlias = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\s\p{C}](\P{C}*[^\s\p{C}])?$")]


MAX_WORDS = 50
Words: TypeAlias = Annotated[tuple[Text, ...], Field(strict=False, max_length=MAX_WORDS)]


class Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Patient(Part):
    id: Name
    age: Text | None = None
    sex: Text | None = None
    weight: Text | None = None


class Product(Part):
    """`basis` holds for every mass in g, mg or ug in the order; `stock_concentration` is what is in the ampoule."""

    drug: Text | None = None
    basis: Text | None = None
    stock_concentration: Text | None = None
    beyond_use_at: Text | None = None


class Bag(Part):
    """`base_volume` is the labelled volume of the bag that stock was added to; none when made up to volume."""

    content: Text | None = None
    final_volume: Text | None = None
    base_volume: Text | None = None
    concentration: Text | None = None
    diluent: Text | None = None


class Phase(Part):
    """Dose, volume, duration and flow are all stated, so that a slip in one shows (U06)."""

    kind: Text | None = None
    dose: Text | None = None
    volume: Text | None = None
    duration: Text | None = None
    flow: Text | None = None
    bag: Bag = Bag()
    dose_rate: Text | None = None  # what the flow gives, said again
    dose_again: Text | None = None  # the dose in another unit


class Schedule(Part):
    """`once` needs `at`; the others need the rest, `weekly` its weekdays too. Dates are inclusive.

    `two_of_three_days`: the first and second of every three days, from the first date (P05).
    """

    repeat: Literal["once", "daily", "nightly", "weekly", "two_of_three_days"]
    at: Text | None = None
    local_time: Text | None = None
    time_zone: Text | None = None
    first_date: Text | None = None
    last_date: Text | None = None
    weekdays: Words | None = None  # "monday" to "sunday"


class Indication(Part):
    condition: Text | None = None
    severe_and_symptomatic: bool | None = None
    emergency_event: Text | None = None
    emergency_in_progress: bool | None = None
    no_loading_reason: Text | None = None  # Q23
    target_magnesium: Text | None = None  # Q09


class Assessment(Part):
    """Answers about the patient; None is "not asked" or "not known"."""

    volume_status: Text | None = None
    pregnant: bool | None = None
    dialysis: bool | None = None
    heart_block: bool | None = None
    myocardial_damage: bool | None = None
    myasthenia: bool | None = None
    lambert_eaton: bool | None = None
    heart_failure: bool | None = None
    arrhythmia: bool | None = None
    digoxin: bool | None = None
    qtc_above_500_ms: bool | None = None
    diarrhoea: bool | None = None
    seizures: bool | None = None  # a history; one in progress is the indication's emergency_event
    acute_kidney_injury: bool | None = None  # Q16
    ecg_at: Text | None = None  # Q09
    calcium_at_bedside: bool | None = None  # Q26
    potassium_replacement: bool | None = None  # Q07
    calcium_replacement: bool | None = None
    potassium_bolus: bool | None = None  # Q08
    co_infusions: Words | None = None  # L07: what runs in the same line; [] for nothing
    gastrointestinal_losses: Words | None = None  # Q36
    renal_losses: Words | None = None
    symptoms: Text | None = None  # P04: the log before the start
    seizure_since_start: bool | None = None  # P06
    missed_antiepileptic: bool | None = None
    severe_diarrhoea: bool | None = None


class Reviews(Part):
    """What people did and agreed to before the order."""

    consent: bool | None = None
    pharmacist_review: bool | None = None
    nephrologist_review: bool | None = None
    off_label_acknowledged: bool | None = None
    medication_review_at: Text | None = None
    wasting_drugs: Words | None = None
    oral_magnesium_failed: bool | None = None
    intravenous_magnesium_failed: bool | None = None
    oral_plan: Text | None = None


class Result(Part):
    """A laboratory result; `at` is when the sample was drawn."""

    kind: Literal["creatinine_clearance", "magnesium", "potassium", "calcium", "creatinine"]
    value: Text | None = None
    at: Text | None = None
    infusion_arm: bool | None = None  # Q14


class Observation(Part):
    """What somebody saw or measured on the patient, and when. `urine` is that of the 4 h before."""

    kind: Literal[
        "patellar_reflex",  # "present" or "absent"
        "breathing_rate",
        "systolic_pressure",
        "baseline_systolic_pressure",
        "heart_rate",
        "urine",
        "qtc",
    ]
    value: Text | None = None
    at: Text | None = None


class Medicine(Part):
    """`kind` is the class that a rule may know, for instance loop_diuretic (L06, Q34, Q35)."""

    name: Text
    kind: Text | None = None
    dose_per_day: Text | None = None


class Saline(Part):
    """Repletion of volume (Q05). No `stopped_at`: it still runs."""

    per_day: Text | None = None
    started_at: Text | None = None
    stopped_at: Text | None = None
    reassessed: bool | None = None


class Therapy(Part):
    """The course so far: when it began, and when dose or frequency last changed (Q03, Q15, Q43)."""

    started_at: Text | None = None
    changed_at: Text | None = None


class OtherDose(Part):
    """Parenteral magnesium that does not come from this pump (D25)."""

    dose: Text | None = None
    basis: Text | None = None
    start: Text | None = None
    end: Text | None = None
    source: Text | None = None  # "parenteral nutrition", "intramuscular", another site


class OtherMagnesium(Part):
    """An empty list says "asked, none"; no list says "not asked"."""

    parenteral: tuple[OtherDose, ...] | None = Field(default=None, strict=False, max_length=MAX_RESULTS)
    oral: bool | None = None


class Override(Part):
    """A named second person takes one SOFT finding, on one version of the order, with the value seen."""

    rule: Name
    order_digest: Name
    value: Text
    person: Name
    reason: Name
    expires_at: Text | None = None


class Order(Part):
    format: Literal[1]
    order_id: Name
    version: int = Field(ge=1, le=1_000_000)
    authored_at: Text | None = None
    prescriber: Name
    valid_from: Text | None = None
    valid_until: Text | None = None
    patient: Patient
    product: Product = Product()
    route: Text | None = None
    site: Text | None = None
    care_area: Text | None = None
    indication: Indication = Indication()
    course: Literal["start", "renewal", "dose_change", "stable_maintenance"] | None = None
    phases: tuple[Phase, ...] = Field(strict=False, min_length=1, max_length=MAX_PHASES)
    schedule: Schedule
    pump_bolus_off: bool | None = None
    assessment: Assessment = Assessment()
    reviews: Reviews = Reviews()
    results: tuple[Result, ...] = Field(default=(), strict=False, max_length=MAX_RESULTS)
    other_magnesium: OtherMagnesium = OtherMagnesium()
    overrides: tuple[Override, ...] = Field(default=(), strict=False, max_length=MAX_OVERRIDES)
    status: Text | None = None  # U03: absent is active
    observations: tuple[Observation, ...] | None = Field(default=None, strict=False, max_length=MAX_RESULTS)
    medicines: tuple[Medicine, ...] | None = Field(default=None, strict=False, max_length=MAX_WORDS)
    saline: Saline | None = None
    therapy: Therapy | None = None

    @cached_property
    def canonical(self) -> bytes:
        """The content without its overrides: compact JSON, fields in the order of this file, absent values left out.

        JSON and TOML texts of the same order, in any layout, have one canonical form. A new field goes after the
        others, or the digests of accepted orders change.
        """
        return self.__pydantic_serializer__.to_json(self, exclude={"overrides"}, exclude_none=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical form: what an override, a program and a record name."""
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def states_every_part(self) -> bool:
        """Whether the canonical form names no part that the text did not, and leaves out no override."""
        stated = self.model_fields_set
        return (
            stated >= _PARTS
            and "overrides" not in stated
            and all("bag" in phase.model_fields_set for phase in self.phases)
        )

    @cached_property
    def memo(self) -> dict[str, object]:
        """What others have worked out from this order, which never changes: rules/reading.py keeps its figures here."""
        return {}


_PARTS = frozenset({"product", "indication", "assessment", "reviews", "results", "other_magnesium"})  # with a default

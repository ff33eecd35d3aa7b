"""The codes that are read and written, and nothing around them.

Refuses to guess: a code that is not here is not mapped to its nearest relative. A drug or a
condition one step narrower may have other limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UNII = "http://fdasis.nlm.nih.gov"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
REQUEST_CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
DOSE_RATE_TYPE = "http://terminology.hl7.org/CodeSystem/dose-rate-type"

# What the form is called that carries what FHIR has no element for (form.py). The last word is its version.
ORDER_FORM = "urn:pumpctl:order-form:1"


class Release(Enum):
    """R4 is read and written with the library's R4B classes; the resources used here are the same in both."""

    R4 = "r4"
    R5 = "r5"


# UCUM code to the unit of the native order. Where two codes share a unit the first one is written.
UNITS: dict[str, str] = {
    "g": "g",
    "mg": "mg",
    "ug": "ug",
    "kg": "kg",
    "mmol": "mmol",
    "meq": "mEq",
    "mL": "mL",
    "ml": "mL",
    "L": "L",
    "l": "L",
    "s": "s",
    "min": "min",
    "h": "h",
    "d": "d",
    "a": "y",
    "mL/h": "mL/h",
    "ml/h": "mL/h",
    "mL/min": "mL/min",
    "ml/min": "mL/min",
    "mg/min": "mg/min",
    "mg/h": "mg/h",
    "g/h": "g/h",
    "mmol/h": "mmol/h",
    "mg/mL": "mg/mL",
    "mmol/L": "mmol/L",
    "umol/L": "umol/L",
    "meq/L": "mEq/L",
    "mg/dL": "mg/dL",
    "mmol/mL": "mmol/mL",
    "meq/mL": "mEq/mL",
    "meq/h": "mEq/h",
    "g/L": "g/L",
    "L/d": "L/d",
    "mL/d": "mL/d",
    "mg/d": "mg/d",
    "ug/d": "ug/d",
    "ms": "ms",
    "/min": "/min",
    "mm[Hg]": "mmHg",
}
UCUM_OF: dict[str, str] = {unit: code for code, unit in reversed(UNITS.items())}

# What people may read beside the code without being told something else.
SPELLINGS: dict[str, frozenset[str]] = {
    "/min": frozenset({"beats/minute", "breaths/minute"}),
    "a": frozenset({"year", "years", "yr"}),
    "d": frozenset({"day", "days"}),
    "h": frozenset({"hour", "hours", "hr"}),
    "mL/h": frozenset({"mL/hr"}),
    "min": frozenset({"minute", "minutes"}),
    "ug": frozenset({"mcg", "\N{MICRO SIGN}g", "\N{GREEK SMALL LETTER MU}g"}),
    "umol/L": frozenset({"\N{MICRO SIGN}mol/L", "\N{GREEK SMALL LETTER MU}mol/L"}),
}


@dataclass(frozen=True, slots=True)
class Substance:
    """`basis` is None where the code leaves open which salt is weighed; then the form has to say it (U01)."""

    drug: str
    display: str
    basis: str | None


MAGNESIUM_SULFATE = "magnesium_sulfate"
SUBSTANCES: dict[tuple[str, str], Substance] = {
    (UNII, "SK47B8698T"): Substance(MAGNESIUM_SULFATE, "magnesium sulfate heptahydrate", "heptahydrate"),
    (UNII, "ML30MJ2U7I"): Substance(MAGNESIUM_SULFATE, "magnesium sulfate anhydrous", "anhydrous"),
    (RXNORM, "6585"): Substance(MAGNESIUM_SULFATE, "magnesium sulfate", None),
}

# Texts of the inactive ingredient; the first of each is written.
DILUENTS: dict[str, str] = {
    "sodium chloride 0.9 % injection": "sodium_chloride_0.9_percent",
    "sodium_chloride_0.9_percent": "sodium_chloride_0.9_percent",
    "glucose 5 % injection": "glucose_5_percent",
    "glucose_5_percent": "glucose_5_percent",
    "water for injection": "water_for_injection",
    "water_for_injection": "water_for_injection",
}
DILUENT_TEXTS: dict[str, str] = {diluent: text for text, diluent in reversed(DILUENTS.items())}

ROUTES: dict[str, tuple[str, str]] = {
    "34206005": ("sc", "Subcutaneous route"),
    "47625008": ("iv", "Intravenous route"),
}
INFUSE = ("764794000", "Infuse")

# The category says where it is given; an order of another care area contradicts it.
CATEGORY_OF: dict[str, str] = {"community": "home", "inpatient": "monitored"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A LOINC code: where its value belongs in the native order, and the UCUM codes that suit it.

    `place` is "results" or "observations", which are lists, or "patient".
    """

    place: str
    kind: str
    display: str
    units: tuple[str, ...]


# A code in moles per volume does not take mg/dL, nor the reverse: that is how a unit slip shows.
# No glomerular filtration rate and nothing per 1.73 m2: neither is a creatinine clearance (Q01).
_CLEARANCE = ("results", "creatinine_clearance")
_PER_MINUTE = ("mL/min", "ml/min")
_MOLES = ("mmol/L", "meq/L")
MEASUREMENTS: dict[str, Measured] = {
    "2164-2": Measured(*_CLEARANCE, "Creatinine renal clearance in 24 hour Urine and Serum or Plasma", _PER_MINUTE),
    "35591-7": Measured(*_CLEARANCE, "Creatinine renal clearance predicted by Cockcroft-Gault formula", _PER_MINUTE),
    "2601-3": Measured("results", "magnesium", "Magnesium [Moles/volume] in Serum or Plasma", _MOLES),
    "19123-9": Measured("results", "magnesium", "Magnesium [Mass/volume] in Serum or Plasma", ("mg/dL",)),
    "2823-3": Measured("results", "potassium", "Potassium [Moles/volume] in Serum or Plasma", _MOLES),
    "2000-8": Measured("results", "calcium", "Calcium [Moles/volume] in Serum or Plasma", _MOLES),
    "17861-6": Measured("results", "calcium", "Calcium [Mass/volume] in Serum or Plasma", ("mg/dL",)),
    "14682-9": Measured("results", "creatinine", "Creatinine [Moles/volume] in Serum or Plasma", ("umol/L",)),
    "2160-0": Measured("results", "creatinine", "Creatinine [Mass/volume] in Serum or Plasma", ("mg/dL",)),
    "9279-1": Measured("observations", "breathing_rate", "Respiratory rate", ("/min",)),
    "8480-6": Measured("observations", "systolic_pressure", "Systolic blood pressure", ("mm[Hg]",)),
    "8867-4": Measured("observations", "heart_rate", "Heart rate", ("/min",)),
    "29463-7": Measured("patient", "weight", "Body weight", ("kg", "g")),
    "30525-0": Measured("patient", "age", "Age", ("a",)),
}

# Native answer, SNOMED CT code, display. Exactly these concepts.
CONDITIONS: tuple[tuple[str, str, str], ...] = (
    ("heart_block", "233916004", "Heart block"),
    ("myasthenia", "91637004", "Myasthenia gravis"),
    ("lambert_eaton", "56989000", "Eaton-Lambert syndrome"),
    ("heart_failure", "84114007", "Heart failure"),
    ("arrhythmia", "698247007", "Cardiac arrhythmia"),
    ("diarrhoea", "62315008", "Diarrhea"),
    ("seizures", "91175000", "Seizure"),
    ("dialysis", "105502003", "Dependence on renal dialysis"),
    ("pregnant", "77386006", "Pregnancy"),
)

"""The dialects that can be put under fire, by name."""

from __future__ import annotations

from tests.fuzz_frames.alaris_subject import ALARIS
from tests.fuzz_frames.companion_subject import COMPANION
from tests.fuzz_frames.miva_subject import MIVA
from tests.fuzz_frames.new_era_subject import NEW_ERA
from tests.fuzz_frames.subject import Subject

SUBJECTS: dict[str, Subject] = {subject.name: subject for subject in (COMPANION, ALARIS, MIVA, NEW_ERA)}

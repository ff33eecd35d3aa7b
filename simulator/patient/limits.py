"""What the model is known to get wrong or cannot know. Refuses to be left out: picture, JSON, text and page all say it.

Each sentence stands by itself.
"""

from __future__ import annotations

PURPOSE = "A teaching and stress model of no real person. It never decides a dose."

LIMITS = (
    "After a fast intravenous overdose the true peak may be about twice as high as drawn.",
    (
        "Leak and knee of the wasting patient were fitted to one report's day-7 level and a guessed baseline. Neither "
        "is predicted here, and that report cannot tell the two apart."
    ),
    "Absorption from under the skin is borrowed from intramuscular figures; none are published for this route.",
    (
        "At the same daily dose, slow subcutaneous and one-hour intravenous infusions differ little in the mean. The "
        "slow one flattens the peaks, and giving it every day does the rest."
    ),
)

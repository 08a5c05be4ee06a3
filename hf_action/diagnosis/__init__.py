"""Why a Space failed: the cause in a word, whose fault it is, the line that shows it, and what to do.

A log goes through four pure rooms: `text` makes plain, bounded lines of it, `evidence` finds the line that decides,
`causes` is the table in which that line is looked up, and `diagnosis` puts the answer together.
"""

from hf_action.diagnosis.diagnosis import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]

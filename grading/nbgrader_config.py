"""This folder is a course: plain nbgrader commands, run here, grade as `labgrade` does.

Limits can be set below, for example `c.GradeSubmission.cell_seconds = 60`, and how student code is kept
apart, for example `c.GradeSubmission.isolation = "landlock"`; `labgrade grade` reads them too.
"""

from pathlib import Path

from labgrader.config import configure

c = get_config()  # noqa: F821
configure(c, Path(__file__).parent)

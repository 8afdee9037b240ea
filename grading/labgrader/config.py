"""The course's nbgrader settings: plain nbgrader commands and formgrader then use this grader."""

from __future__ import annotations

import os
import shutil
import sysconfig
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SAWarning
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from labgrader.course import Course, CourseError
from labgrader.policy import Policy

CONFIG_FILE = "nbgrader_config.py"


def configure(c: Any, root: Path | None = None) -> None:
    """Set up nbgrader for a course; `nbgrader_config.py` calls it.

    `nbgrader autograde` then grades with `labgrader.grade`, generate_feedback and export write our pages and
    tables, generate_assignment uses the release's stubs, and the exchange lies inside the course folder.

    Args:
        c: traitlets' config object, from `get_config()`.
        root: the course folder; default: the working folder.

    Example:
        >>> from traitlets.config import Config
        >>> c = Config()
        >>> configure(c, Path("grading"))
        >>> c.Autograde.sanitize_preprocessors[0]
        'labgrader.preprocessors.GradeSubmission'
    """
    from labgrader.release import release_settings

    folder = (root or Path.cwd()).absolute()
    prepare()
    release_settings(c)
    c.CourseDirectory.root = str(folder)
    c.CourseDirectory.course_id = "labkit"  # formgrader warns of a course without a name
    c.FormgradeExtension.debug = False  # its panel of settings cannot show a server's
    make_exchange(Course(folder))
    c.Exchange.root = str(folder / "exchange")
    c.Exchange.cache = str(folder / "exchange" / "cache")
    c.Autograde.exporter_class = "labgrader.preprocessors.SubmissionExporter"
    c.Autograde.sanitize_preprocessors = [
        "labgrader.preprocessors.GradeSubmission",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = []  # the first pass has graded and recorded everything
    c.GenerateFeedback.exporter_class = "labgrader.feedback.FeedbackExporter"
    c.GenerateFeedback.preprocessors = ["labgrader.preprocessors.Grades"]
    c.HTMLExporter.filters = {  # formgrader's pages
        "markdown2html": "labgrader.markdown.page_html",
        "highlight_code": "labgrader.feedback.highlighted",
    }
    c.ExportApp.plugin_class = "labgrader.export.GradesPlugin"


def course_config(root: Path | None = None) -> Config:
    """Return nbgrader's settings for a course, without the course's own changes to them."""
    config = Config()
    configure(config, root)
    return config


def load(course: Course) -> Config:
    """Return nbgrader's settings for a course: what its `nbgrader_config.py` says.

    Raises:
        CourseError: the file is missing or cannot be run.
    """
    prepare()
    try:
        return Config(PyFileConfigLoader(CONFIG_FILE, path=str(course.root)).load_config())
    except Exception as error:  # the instructor's own code
        raise CourseError(
            f"{course.root / CONFIG_FILE} cannot be used ({type(error).__name__}: {error})."
        ) from error


def policy(course: Course, config: Config | None = None) -> Policy:
    """Return the limits and the secret that a course grades with, by whichever road.

    Args:
        course: the course.
        config: its settings, default: `load(course)`; `c.GradeSubmission.cell_seconds = 60` sets a limit.

    Raises:
        CourseError: a setting is unknown, or no value for it.
    """
    from labgrader.preprocessors import GradeSubmission

    config = load(course) if config is None else config
    known = sorted(GradeSubmission.class_trait_names(config=True))
    try:
        for name in config.get("GradeSubmission", {}):
            if name not in known:
                raise ValueError(f"GradeSubmission has no setting {name}, only {', '.join(known)}")
        return GradeSubmission(config=config).policy(course)
    except (ValueError, TraitError) as error:
        said = str(error).rstrip(".")
        raise CourseError(f"{course.root / CONFIG_FILE} cannot be used: {said}.") from None


def make_exchange(course: Course) -> None:
    """Make the folders of nbgrader's exchange, whose absence formgrader reports as an error."""
    if (course.root / CONFIG_FILE).is_file():
        (course.root / "exchange" / "cache").mkdir(parents=True, exist_ok=True)


def prepare() -> None:
    """Make nbgrader work in this process without noise.

    It runs `alembic` by its name alone, so this environment's programs have to be on PATH; and its gradebook
    makes objects in an order that newer SQLAlchemy warns of, to no harm.
    """
    warnings.filterwarnings("ignore", category=SAWarning, module=r"nbgrader\.api")
    scripts = sysconfig.get_path("scripts")
    if shutil.which("alembic") is None:
        os.environ["PATH"] = os.pathsep.join(filter(None, [scripts, os.environ.get("PATH")]))

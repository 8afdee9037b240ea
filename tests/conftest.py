"""Shared by all tests: one thread, no display, no network proxy surprises."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")


@pytest.fixture(scope="session")
def cut_off():
    """Return a function that names the parts of a figure (axes with titles, texts) that stick out of it."""

    def parts(fig):
        fig.set_dpi(160)  # as plot.show draws it; letters are wider at 100
        fig.draw_without_rendering()
        found = [(part, part.get_tightbbox()) for part in (*fig.axes, *fig.texts, *fig.legends)]
        room = fig.bbox.padded(1)  # pixel
        return [
            f"{part}: {box.extents.round()} of {room.extents.round()}"
            for part, box in found
            if box
            and not (room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1)
        ]

    return parts

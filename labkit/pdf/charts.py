"""Outputs that a script draws in the browser: what they are, in one line."""

from __future__ import annotations

import re

from labkit.pdf.notebook import Json, text_of

_BY_KIND = {  # of MIME types
    "Plotly chart": r"application/vnd\.plotly\.",
    "Altair or Vega chart": r"application/vnd\.vega",
    "Bokeh chart": r"application/vnd\.(?:bokehjs|holoviews)",
    "map (GeoJSON)": r"application/geo\+json",
    "JavaScript": r"(?:application|text)/(?:x-)?(?:java|ecma)script",
}
_BY_SCRIPT = {  # what their HTML holds
    "Plotly chart": r"Plotly\.newPlot|plotly-graph-div",
    "Altair or Vega chart": r"vegaEmbed|altair-viz",
    "Bokeh chart": r"bk-root|BokehJS|Bokeh\.embed|data-root-id",
    "map (Leaflet)": r"L\.map\(",
}
_HTML = 5_000_000  # characters that are looked at


def chart_of(data: Json) -> str:
    """Return the placeholder for a display that only a browser draws, "" for others.

    Example:
        >>> chart_of({"application/geo+json": {}})[:38]
        "[map (GeoJSON): drawn by a browser's s"
    """
    found = next((kind for kind, mime in _BY_KIND.items() if any(re.match(mime, one) for one in data)), "")
    html = text_of(data.get("text/html"))[:_HTML]
    if not found and re.search("<script", html, re.IGNORECASE):
        found = next((kind for kind, words in _BY_SCRIPT.items() if re.search(words, html)), "")
    if found == "JavaScript":
        return (
            "" if "text/html" in data else "[JavaScript output: a browser runs it; there is nothing to print]"
        )
    return (
        f"[{found}: drawn by a browser's script; show it as a picture to have it in the PDF]" if found else ""
    )

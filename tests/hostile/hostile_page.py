"""What must not be on a feedback page: whatever runs, loads, covers or leads somewhere it should not."""

from __future__ import annotations

import re
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from labgrader.feedback import page
from labgrader.grade import Result
from labgrader.lab import Lab
from labgrader.pictures import checked
from labgrader.policy import Policy
from labgrader.record import stamp

FORBIDDEN = [
    *(
        "script",
        "iframe",
        "frame",
        "frameset",
        "object",
        "embed",
        "applet",
        "form",
        "input",
        "button",
        "textarea",
    ),
    *("select", "base", "link", "svg", "video", "audio", "source", "track", "portal", "marquee", "template"),
    *("noscript", "animate", "set", "foreignobject"),
]
RUNNING = ("srcdoc", "formaction", "action", "ping", "background", "poster", "srcset")
SHOWN = {"text/plain", "image/png", "image/jpeg"}


def feedback(result: Result, lab: Lab, policy: Policy) -> str:
    """Return the feedback page of a result."""
    node = nbformat.reads(stamp(result, lab, policy), as_version=4)
    facts = {"notebook": lab.name, "student": "eve", "score": result.points, "max_score": lab.max_points}
    return page(node, facts)


def dangers(html: str, *, ours: bool = True) -> list[str]:
    """Return what is dangerous on a page.

    Args:
        html: the page.
        ours: it is labkit's own: one style sheet, a content security policy, pictures inside the page.
    """
    soup = BeautifulSoup(html, "html.parser")
    found = [f"<{tag.name}> {str(tag)[:80]}" for tag in soup.find_all(FORBIDDEN)]
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            found += _attribute(tag.name, name.lower(), " ".join(value) if isinstance(value, list) else value)
    if ours:
        found += [] if len(soup.find_all("style")) == 1 else ["a style sheet of somebody else's"]
        metas = sorted(m["http-equiv"].lower() for m in soup.find_all("meta", {"http-equiv": True}))
        found += [] if metas == ["content-security-policy"] else [f"instead of one content policy: {metas}"]
    return found


def _attribute(tag: str, name: str, value: str) -> list[str]:
    value = re.sub(r"[\x00-\x20]", "", value).lower()
    found = re.match(r"([a-z][a-z0-9+.-]*):", value)
    scheme = found[1] if found else ""
    what = f"<{tag} {name}={value[:60]}>"
    if name.startswith("on") or name in RUNNING:
        return [what]
    if name in ("href", "xlink:href") and scheme not in ("", "http", "https", "mailto"):
        return [what]
    if name == "src" and not re.match(r"data:image/(?:png|jpeg|gif|webp);base64,", value):
        return [what]
    if name == "style" and re.search(r"url|position|fixed|expression|import", value):
        return [what]
    return []


def odd_outputs(notebook: str) -> list[str]:
    """Return outputs and attachments of a graded notebook that are neither text nor pictures."""
    node: Any = nbformat.reads(notebook, as_version=4)
    nbformat.validate(node)
    found = []
    for cell in node.cells:
        for bundle in cell.get("attachments", {}).values():
            found += [mime for mime, text in bundle.items() if checked(text, 1e8, 1e8)[0] != mime]
        for output in cell.get("outputs", ()):
            found += sorted(set(output.get("data", {})) - SHOWN)
    return found

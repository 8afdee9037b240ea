"""Labs released and collected, a class graded apart from student code, feedback and marks given back."""

import sys

# jsonschema, which nbformat imports, would build the whole grammar of RFC 3987 for a check that notebooks do
# not have: 0.8 s for every process that reads one.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

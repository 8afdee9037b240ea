"""HTML lets authors leave out some end tags; what Python's parser then puts inside is moved out."""

from __future__ import annotations

from bs4 import BeautifulSoup, Tag

# An element on the left cannot stand directly in those on the right: their end tag was left out.
_CLOSES = {
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    "td": ("td", "th"),
    "th": ("td", "th"),
    "tr": ("tr", "td", "th"),
    "thead": ("thead", "tbody", "tfoot", "tr", "td", "th"),
    "tbody": ("thead", "tbody", "tfoot", "tr", "td", "th"),
    "tfoot": ("thead", "tbody", "tfoot", "tr", "td", "th"),
}
MOST = 500  # in one piece of HTML: moving takes longer the more there are, and nobody writes so many


def close(soup: BeautifulSoup) -> None:
    """Move items, terms, cells and rows behind the one that they would have ended.

    See the HTML standard, section 13.1.2.4, optional tags.

    Example:
        >>> soup = BeautifulSoup("<ul><li>a<li>b</ul>", "html.parser")
        >>> close(soup)
        >>> str(soup)
        '<ul><li>a</li><li>b</li></ul>'
    """
    inside = [
        e for e in soup.find_all(list(_CLOSES)) if e.parent is not None and e.parent.name in _CLOSES[e.name]
    ]
    for element in inside if len(inside) <= MOST else ():
        while isinstance(parent := element.parent, Tag) and parent.name in _CLOSES[element.name]:
            parent.insert_after(element.extract())

"""Markdown tables as Jupyter draws them."""

import bs4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.pdf.markdown import to_html
from labkit.pdf.mdtables import cells_of


def table_of(source):
    """The rows of the first table, each cell as its text; "" when there is no table."""
    table = bs4.BeautifulSoup(to_html(source), "html.parser").find("table")
    return table and [
        [cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")
    ]


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ("| 1 | 2 |\n| 1 |", [["1", "2"], ["1", ""]]),
        ("| 1 | 2 | 3 |", [["1", "2"]]),
        ("1 | 2\njust text", [["1", "2"], ["just text", ""]]),
        (r"| $|x|$ | a\|b |", [["|x|", "a|b"]]),
        ("| $5 | $10 |\n- item", [["$5", "$10"]]),
        ("|\n| | 2", [["", ""], ["", "2"]]),
    ],
)
def test_rows_may_be_shorter_or_longer_than_the_head(rows, shown):
    assert table_of(f"Words before.\n| a | b |\n|:--|--:|\n{rows}\n\nafter") == [["a", "b"], *shown]


def test_cells_that_are_not_shown_are_counted():
    html = to_html("| a |\n|---|\n| 1 | 2 |\n| 3 | 4 | 5 |\n")
    assert "[3 cells beyond the last column not shown, as in Jupyter]" in html


@pytest.mark.parametrize("before", ["- item\n\n", "> quoted\n>\n"])
def test_tables_stand_in_lists_and_quotes(before):
    indent = "> " if before[0] == ">" else "  "
    assert table_of(before + f"{indent}| a | b |\n{indent}|---|---|\n{indent}| 1 |\n") == [
        ["a", "b"],
        ["1", ""],
    ]


@pytest.mark.parametrize("source", ["| a | b |\n|---|\n| 1 | 2 |", "| a | b |\n| 1 | 2 |", "a\n---\nb"])
def test_what_is_no_table_in_jupyter_is_none_here(source):
    assert table_of(source) is None


@given(st.lists(st.text("ab $\\`|*_", max_size=6), min_size=1, max_size=4))
def test_no_letter_of_a_cell_is_lost(cells):
    line = "|" + "|".join(cells) + "|"
    letters = [char for char in line if char.isalpha()]
    assert [char for cell in cells_of(line) for char in cell if char.isalpha()] == letters

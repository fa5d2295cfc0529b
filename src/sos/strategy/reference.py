"""The table of functions in docs/strategy-language.md, made from the functions that exist.

Pure. A test compares the document with this text, so neither can run ahead of the other.
"""

from __future__ import annotations

from typing import Final

from sos.expr import reference

__all__ = ["function_table"]

_GROUPS: Final = {
    "series": "Functions of a series",
    "bar": "Shape of a bar",
    "arithmetic": "Arithmetic",
    "session": "Session and calendar",
}


def function_table() -> str:
    """Markdown: one table for each group of functions."""
    parts: list[str] = []
    rows = reference()
    for group in dict.fromkeys([*_GROUPS, *(row.group for row in rows)]):
        parts += [f"### {_GROUPS.get(group, group.capitalize())}", "", "| call | meaning |", "| --- | --- |"]
        for row in rows:
            if row.group == group:
                forms = "<br>".join(f"`{form}`" for form in (*row.forms, *row.aliases))
                parts.append(f"| {forms} | {row.doc} |")
        parts.append("")
    return "\n".join(parts)

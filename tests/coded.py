"""The sentences that bear a code, as they stand in the code of the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "target_zendesk_events"
CODE = re.compile(r" ?\[(ZE\d{3})\]$")
WHOLES = (ast.JoinedStr, ast.BinOp)
"""Expressions whose parts are no sentences of their own."""
SHORTEST = 14
"""What is no longer says nothing, where there is another."""


def coded() -> dict[str, list[str]]:
    """Return by code the sentences that end with it, each once, as cells of a table."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, WHOLES) for part in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            text = "" if id(node) in parts else _text(node)
            code = CODE.search(text)
            if code is not None and len(text) > len(code[0]):
                cell = f"`{' '.join(text[: code.start()].replace('`', chr(39)).replace('|', chr(92) + '|').split())}`"
                said = found.setdefault(code[1], [])
                said.extend([cell] if cell not in said else [])
    return {code: [one for one in said if len(one.strip("` …;:")) > SHORTEST] or said for code, said in found.items()}


def _text(node: ast.AST) -> str:
    """Return the text of a constant or an f-string, with `…` for what varies."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(one) if isinstance(one, ast.Constant) else "…" for one in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (_text(node.left) or "…") + (_text(node.right) or "…")
    return ""

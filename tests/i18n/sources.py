"""Every string that the sources mark for translation, found without gettext's own programs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("consortium", "governance", "certs")

# name of the function: which argument is the context, the message, the plural
_FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (None, 0, None)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (None, 0, 1)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (0, 1, None)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (0, 1, 2)),
}
_LITERAL = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_IN_TEMPLATE = re.compile(
    rf"\b(_|gettext|ngettext|pgettext|npgettext)\(\s*{_LITERAL}(?:,\s*{_LITERAL})?(?:,\s*{_LITERAL})?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Message:
    text: str
    plural: str | None
    context: str | None
    where: str


def messages() -> list[Message]:
    """All of them, from Python and from templates."""
    code = [path for root in CODE for path in sorted((PROJECT / root).rglob("*.py"))]
    found = [message for path in code for message in in_python(path)]
    pages = [*(PROJECT / "templates").rglob("*.*"), *(PROJECT / "consortium").rglob("templates/**/*.html")]
    return found + [message for path in sorted(pages) for message in in_template(path)]


def aliases() -> set[str]:
    """The names under which our code imports gettext's functions, where they are not their own."""
    found = set()
    for path in (path for root in CODE for path in (PROJECT / root).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                found |= {each.asname for each in node.names if each.asname and "gettext" in each.name}
    return found


def in_python(path: Path) -> Iterator[Message]:
    if "migrations" in path.parts or "node_modules" in path.parts:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _name(node.func) in _FUNCTIONS:
            literals = [_constant(argument) for argument in node.args]
            yield from _message(_name(node.func), literals, f"{path.relative_to(PROJECT)}:{node.lineno}")


def in_template(path: Path) -> Iterator[Message]:
    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for match in _IN_TEMPLATE.finditer(code):
        literals = [ast.literal_eval(text) if text else None for text in match.groups()[1:]]
        yield from _message(match.group(1), literals, str(path.relative_to(PROJECT)))


def _message(function: str, literals: list[str | None], where: str) -> Iterator[Message]:
    context, message, plural = (
        literals[at] if at is not None and at < len(literals) else None for at in _FUNCTIONS[function]
    )
    if message:  # what is computed was marked where it was written
        yield Message(message, plural, context, where)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None

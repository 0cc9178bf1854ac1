"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

import re

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.util import logging

log = logging.getLogger(__name__)


# Docstrings are written to be read as they are, with the signs themselves; docutils wants commands.
COMMANDS = {
    "<=": r"\leq ", ">=": r"\geq ", "≤": r"\leq ", "≥": r"\geq ", "←": r"\leftarrow ",
    "→": r"\to ", "∇": r"\nabla ", "∞": r"\infty ", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "∈": r"\in ", "∘": r"\circ ",
    "√": r"\surd ", "⟨": r"\langle ", "⟩": r"\rangle ", r"\dots": r"\ldots ",
    r"\tfrac": r"\frac",
    # A browser stretches these to what they hold.
    **{rf"\{size}{side}": command for size in ("bigg", "Big", "big")
       for side, command in (("l", r"\left"), ("r", r"\right"), ("(", r"\left("), ("[", r"\left["),
                             (")", r"\right)"), ("]", r"\right]"))},
}  # fmt: skip


def mathml(text: str, block: bool, node: nodes.Element) -> str:
    text = " ".join(text.split())
    for sign, command in COMMANDS.items():
        text = text.replace(sign, command)
    text = re.sub(r"\\frac(\d)(\d)", r"\\frac{\1}{\2}", text)  # docutils reads one number there
    if block and "&" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}{text}\\end{{aligned}}"
    try:
        # A brace before cases is as high as they are.
        return latex2mathml.tex2mathml(text, as_block=block).replace(
            '<mo rspace="0.17em">', '<mo stretchy="true" form="prefix">'
        )
    except Exception as error:
        log.warning("no formula can be made of %r: %s", text, error, location=node)
        return f"<code>{text}</code>"


def pieces(text: str) -> list[str]:
    """A formula that lists several equations, cut where a line may be broken."""
    found, depth = [""], 0
    for part in re.split(r"(\\begin|\\end|\\q?quad(?![a-zA-Z])|\\\\|[{}])", text):
        depth += {"\\begin": 1, "{": 1, "\\end": -1, "}": -1}.get(part, 0)
        if depth == 0 and part in ("\\quad", "\\qquad", "\\\\"):
            found.append("")
        else:
            found[-1] += part
    return [one.strip() for one in found if one.strip()]


def visit_inline(self, node):
    self.body.append(mathml(node.astext(), False, node))
    raise nodes.SkipNode


def visit_block(self, node):
    text = node.astext()
    whole = "&" in text and r"\begin" not in text
    parts = [text] if whole else pieces(text)
    shown = "".join(f"<div>{mathml(one, True, node)}</div>" for one in parts)
    self.body.append(f'<div class="formula">{shown}</div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}

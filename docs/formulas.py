"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.util import logging

log = logging.getLogger(__name__)


# Docstrings are written to be read as they are, with the signs themselves; docutils wants commands.
COMMANDS = {
    "<=": r"\leq ", ">=": r"\geq ", "≤": r"\leq ", "≥": r"\geq ", "←": r"\leftarrow ",
    "→": r"\to ", "∇": r"\nabla ", "∞": r"\infty ", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "∈": r"\in ", "∘": r"\circ ",
    "√": r"\surd ", r"\dots": r"\ldots ",
    r"\tfrac": r"\frac",
    # A browser stretches parentheses to what they hold.
    **{rf"\{size}{side}": "" for size in ("bigg", "Big", "big") for side in ("l", "r", "")},
}  # fmt: skip


def mathml(text: str, block: bool, node: nodes.Element) -> str:
    text = " ".join(text.split())
    for sign, command in COMMANDS.items():
        text = text.replace(sign, command)
    if block and "&" in text and "\\begin" not in text:
        text = f"\\begin{{aligned}}{text}\\end{{aligned}}"
    try:
        return latex2mathml.tex2mathml(text, as_block=block)
    except Exception as error:
        log.warning("no formula can be made of %r: %s", text, error, location=node)
        return f"<code>{text}</code>"


def visit_inline(self, node):
    self.body.append(mathml(node.astext(), False, node))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append(f'<div class="formula">{mathml(node.astext(), True, node)}</div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}

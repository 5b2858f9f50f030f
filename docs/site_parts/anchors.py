"""Lets links find `<a id="...">`, as they do on GitHub: MyST knows the anchors of headings alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

OPENS, CLOSES = re.compile(r'<a id="([^"]+)">'), "</a>"


class Anchors(SphinxTransform):
    """Makes a target of each anchor, before MyST looks for what its links lead to (at 879)."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - docutils' signature
        """Go through the anchors of a page."""
        slugs = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        for node in list(self.document.findall(nodes.raw)):
            found = OPENS.fullmatch(node.astext())
            if found is None:
                continue
            name = found[1]
            target = nodes.target("", "", ids=[name], names=[name])
            self.document.note_explicit_target(target)
            slugs[name] = (node.line, name, name)
            after = node.next_node(descend=False, siblings=True)
            if isinstance(after, nodes.raw) and after.astext() == CLOSES:
                after.parent.remove(after)
            node.replace_self(target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.add_transform(Anchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Shows a picture's dark twin, `NAME-dark.png` beside `NAME.png`, to those who read in the dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Twins(SphinxTransform):
    """Puts the twin beside its picture, each with the theme's class for when it shows; before images are collected."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - docutils' signature
        """Go through the pictures of a page."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        pictures = list(self.document.findall(nodes.image))
        shown = {picture["uri"] for picture in pictures}
        for picture in pictures:
            path = Path(picture["uri"])
            twin = path.with_stem(f"{path.stem}-dark")
            if str(twin) in shown or not (folder / twin).exists():
                continue
            dark = picture.deepcopy()
            dark["uri"] = str(twin)
            dark["classes"] = [*picture["classes"], "only-dark"]
            picture["classes"] = [*picture["classes"], "only-light"]
            picture.parent.insert(picture.parent.index(picture) + 1, dark)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.add_transform(Twins)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

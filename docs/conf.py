"""How Sphinx builds the site: `sphinx-build -nW --keep-going docs build/site`. Why Sphinx: decisions/sphinx.md."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for site_parts

project = "target-zendesk-events"
author = "the authors of target-zendesk-events"
copyright = "Apache-2.0"  # noqa: A001 - Sphinx's name
release = metadata.version(project)

extensions = ["myst_parser", *(f"site_parts.{name}" for name in ("contents", "anchors", "pictures", "beside"))]
exclude_patterns = ["site_parts"]
myst_heading_anchors = 4  # as GitHub makes them, where the same pages are read
suppress_warnings: list[str] = []  # none: what is warned of is mended

html_theme = "furo"
html_title = project
html_static_path = ["site_parts/static"]
html_css_files = ["site.css"]
html_copy_source = False  # `site_parts.beside` puts the Markdown there
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {"light_css_variables": {"color-brand-primary": "#03363d", "color-brand-content": "#1f6f78"}}

"""What the site does beyond Sphinx: its contents, anchors as on GitHub, pictures in the dark, Markdown beside it."""

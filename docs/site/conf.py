"""Settings of Sphinx for the documentation site that scripts/docs builds."""

project = "braid"
extensions = ["myst_parser"]
# Headings get the anchors that GitHub gives them, so that a link works on both.
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
root_doc = "docs/index"
# An indented block is what a terminal shows, in no language.
highlight_language = "none"
suppress_warnings = [
    "myst.header",  # docs/deploy.md has several titles
    "myst.xref_missing",  # links.py looks at every link and knows the anchors that are written as HTML
    "toc.not_included",  # make_site.py says which pages are in the navigation
]
# furo brings its styles, and the reader's system its fonts: nothing is fetched from elsewhere.
html_theme = "furo"
html_title = "braid"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

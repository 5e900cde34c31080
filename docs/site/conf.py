"""How the documentation site is built of `docs/`: `make docs`, or `sphinx-build -c docs/site docs build/docs`."""

import os
import sys
from pathlib import Path

from sphinx.application import Sphinx

import autoencoder
from autoencoder.version import DISTRIBUTION

sys.path.insert(0, str(Path(__file__).parent))  # for `commands` and `reading`

import reading

project = "autoencoder"
author = "The autoencoder developers"
project_copyright = author
version = release = autoencoder.__version__
repository = f"https://github.com/{DISTRIBUTION}/{DISTRIBUTION}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_argparse_cli",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
templates_path = [str(Path(__file__).parent / "templates")]  # autosummary looks beside the pages otherwise
exclude_patterns = ["gallery", "site/templates", "examples/*.ipynb", "sg_execution_times.rst"]
highlight_language = "none"

# Pages are Markdown that GitHub shows as well, with links from file to file. Notebooks are shown as they are kept.
myst_heading_anchors = 4
nb_execution_mode = "off"

# Docstrings: a name in single backticks is a link where the site has such a page, and code everywhere.
default_role = "name-or-code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autosummary_generate = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 88

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "reading.Order",
    "capture_repr": (),  # what examples print, and not the last object of a block
    "abort_on_example_error": True,
    "plot_gallery": "True",
    "download_all_examples": False,
    "show_memory": False,
    "remove_config_comments": True,
    "doc_module": ("autoencoder",),
    "backreferences_dir": None,
}

html_theme = "pydata_sphinx_theme"
html_title = f"autoencoder {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_context = {
    "github_user": DISTRIBUTION,
    "github_repo": DISTRIBUTION,
    "github_version": "main",
    "doc_path": "docs",
    "default_mode": "light",
}
html_theme_options = {
    "github_url": repository,
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "use_edit_page_button": False,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "findings": []}

os.environ.setdefault("MPLBACKEND", "agg")


def setup(app: Sphinx) -> None:
    """Pages that are made from the package are written before pages are looked for."""
    app.add_role("name-or-code", reading.name_or_code)
    app.connect("config-inited", reading.write_pages)

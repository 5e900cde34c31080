"""One HTML file of a page's parts: style, scripts and data, so that it opens anywhere and asks no network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

EXPLORER_SCRIPTS = (
    "elements.js",
    "data.js",
    "scatter.js",
    "pictures.js",
    "legend.js",
    "curves.js",
    "details.js",
    "save.js",
    "selection.js",
    "pointer.js",
    "player.js",
    "explore.js",
)
"""In the order in which they build on each other."""

ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What could end a script element; line separators are escaped with all else that is not ASCII."""


def explorer_document(content: dict[str, Any]) -> str:
    """The page of `autoencoder explore`.

    Args:
        content: plain values, see `autoencoder.pages.content.PageContent.as_json`.
    """
    return page_document("explore", EXPLORER_SCRIPTS, content["title"], content)


def page_document(name: str, script_names: Sequence[str], title: str, content: Any, **more: str) -> str:
    """A page of the template `web/NAME.html` with the style `web/NAME.css`.

    Nothing but the page's own style and scripts is let in: the policy in its head names them by their hashes, allows
    pictures from within the page and no connection at all.

    Args:
        name: of template and style.
        script_names: files in `web/`, in the order in which they build on each other.
        title: of the page, any text.
        content: plain values that scripts read.
        **more: other marks of the template and the HTML that takes their places.
    """
    style = _part(f"{name}.css")
    scripts = [_part(script) for script in script_names]
    policy = (
        f"default-src 'none'; img-src data:; style-src {_source(style)}; "
        f"script-src {' '.join(map(_source, scripts))}; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "POLICY": policy,
        "TITLE": html.escape(title),
        "STYLE": style,
        "CONTENT": json_in_html(content),
        "SCRIPTS": "\n".join(f"<script>{script}</script>" for script in scripts),
        **more,
    }
    # Split at the marks of the template, and not replaced in turn: the data may hold what looks like a mark.
    pieces = _part(f"{name}.html").split("%%")
    return "".join(piece if i % 2 == 0 else parts[piece] for i, piece in enumerate(pieces))


def json_in_html(content: Any) -> str:
    """JSON that can stand in a `<script type="application/json">`, whatever texts are in it."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.translate(ESCAPES)


def _part(name: str) -> str:
    return resources.files("autoencoder.pages").joinpath("web", name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """How a content security policy names an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"

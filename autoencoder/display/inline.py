"""A page of its own inside a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable

HEIGHT = 760
"""Pixels that a page gets."""


def show_page(document: str) -> None:
    """Show a whole HTML page below the notebook's cell; it is kept apart from the notebook, and needs no file.

    Args:
        document: the page.
    """
    from IPython import display

    # The page brings its own policy of what it may load; in a frame of its own its style and scripts stay in there.
    frame = (
        f'<iframe srcdoc="{html.escape(document)}" style="width:100%;height:{HEIGHT}px;border:0" '
        'sandbox="allow-scripts allow-downloads"></iframe>'
    )
    show: Callable[..., object] = display.display
    show({"text/html": frame, "text/plain": "a page, shown in the browser"}, raw=True)

"""The page is one file: it asks for nothing, and its data cannot become part of its markup."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from autoencoder.pages.document import explorer_document, json_in_html

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script>",
    "<!--",
    "%%POLICY%%",
    "a\u2028b&amp;",
)


class Elements(HTMLParser):
    """Names and attributes of all elements, and the texts of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self.inside = [], {"script": [], "style": []}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag in self.texts:
            self.inside = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            self.texts[self.inside][-1] += data


def test_texts_of_the_user_stay_texts():
    content = {"title": HOSTILE[0], "texts": HOSTILE}
    text = json_in_html(content)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"title": HOSTILE[0], "texts": list(HOSTILE)}
    plain = Elements(explorer_document({"title": "t", "texts": []}))
    hostile = Elements(explorer_document(content))
    assert hostile.found == plain.found


def test_nothing_is_loaded():
    """No address but the name of SVG, and a policy that lets in exactly the scripts and the style that are there."""
    document = explorer_document({"title": "t"})
    assert set(re.findall(r"https?://[^\s\"'`]*", document)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(?:src|href)=|url\(|@import|\bfetch\(|XMLHttpRequest|WebSocket|innerHTML", document)
    elements = Elements(document)
    policy = next(a["content"] for tag, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    texts = elements.texts["script"] + elements.texts["style"]
    hashes = {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts}
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    data = base64.b64encode(hashlib.sha256(b'{"title":"t"}').digest()).decode()
    assert hashes - {data} == allowed
    assert "unsafe" not in policy

"""The page of a study's report in a real browser: read, sorted, played, seen in the dark, on a phone and as text."""

import base64
import csv
import hashlib
import io
import itertools
import json
import re
import time
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from autoencoder.machine.plain_text import one_line
from autoencoder.pages.report import (
    SCRIPTS,
    Answered,
    Folded,
    Heading,
    Listing,
    MapPlace,
    MapTrail,
    PageFigure,
    PageTable,
    Report,
    RowsOf,
    Section,
    Statement,
    Texts,
    report_document,
)

SIDE = 8
EPOCHS = (0.0, 0.5, 2.0)
TRAILS = {
    "auto-1": (EPOCHS, [(0.0, 0.0), (10.0, 5.0), (30.0, 40.0)]),
    "auto-2": (EPOCHS, [(2.0, -8.0), (12.0, 0.0), (32.0, 30.0)]),
    "mask-1": ((0.0, 2.0), [(0.0, 0.0), (-30.0, 20.0)]),  # no snapshot at epoch 0.5
    "pixels": (None, [(5.0, 20.0)]),
}
COLORS_OF_RUNS = {"auto-1": "#0072b2", "auto-2": "#0072b2", "mask-1": "#009e73", "pixels": "#777777"}
HEADER = ("setting", "R2", "score", "images", "change", "probe")
ROWS = [
    ("b-10", "0.80*", "F 2/4 0.80*", "1,234", "-0.5", "near"),
    ("b-9", "0.09", "L 0.91", "999", "+0.25", "-"),
    ("a", "-", "0.07*", "10,000", "-", "ridge"),
    ("c", "0.5 (0.2)", "-", "-", "\N{MINUS SIGN}1.5", "fc2"),
]
EPOCH_ROWS = [("0.124", "3"), ("0.0108", "2"), ("0.00541", "1"), ("1", "4"), ("10", "5")]
SECTIONS = ("Distances", "Training", "Methods")


def thumbnails(number, n):
    """Pictures (n, 8, 8, 3) of noise, so that none can be taken for another."""
    return np.random.default_rng(number).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)


PICTURES = {run: thumbnails(number, len(points)) for number, (run, (_, points)) in enumerate(TRAILS.items())}


def drawing():
    """A figure as PNG and as SVG."""
    file = io.BytesIO()
    Image.new("RGB", (6, 4), "red").save(file, "PNG")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="6" height="4"><rect width="6" height="4" fill="red"/></svg>'
    return file.getvalue(), svg


def report_of(word=str, texts=("measures.csv", "methods.md")):
    """A small report, all of whose texts are what `word` makes of them; `texts` stand wherever there are many."""
    first, second, third = (word(title) for title in SECTIONS)
    rows_of = RowsOf(word("measures.csv"), [(2, 9), (12, 12)], 9, word("at the end"))
    table = PageTable(word("Scores at the end"), [word(name) for name in HEADER], ROWS, rows_of)
    over_epochs = PageTable(word("Over training"), [word("epoch"), word("angle")], EPOCH_ROWS)
    many = PageTable(word("Notes"), ["", word("note")], [(text, text) for text in texts])
    figure = PageFigure(word("space"), word("Runs in the plane"), *drawing())
    settings = {name: word(name) for name in ("auto", "mask", "pixels")}
    trails = [
        MapTrail(
            word(run),
            settings[run.partition("-")[0]],
            COLORS_OF_RUNS[run],
            epochs,
            np.array(points),
            PICTURES[run],
            epochs or (0.0,),
        )
        for run, (epochs, points) in TRAILS.items()
    ]
    answered = Answered(word("Is it noise?"), [Statement(word("It is not."), second), Statement(word("Nor chance."))])
    return Report(
        title=word("Study small"),
        question=word("Does the objective matter?"),
        answer=[Statement(word("It does."), first), Statement(word("Most by far."), third), Statement(word("Always."))],
        facts={word("Seeds"): word("1, 2")},
        sections=[
            Section(first, [answered, Texts([word("Each path is a run.")]), MapPlace(), table, figure]),
            Section(second, [over_epochs, Listing(texts), Folded(word("More"), [many])]),
            Section(third, [Folded(word("Show them"), [Heading(word("Data")), Texts([word("8,000 images.")])])]),
        ],
        trails=trails,
        map_note=word("The stress is 0.28."),
        pictures_note=word("Colour: angle."),
        folder_files=dict.fromkeys(texts, word("every number")),
    )


@pytest.fixture(scope="module")
def hostile_texts(root):
    return json.loads((root / "tests" / "hostile_texts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory, hostile_texts):
    """Files: a plain page, one of hostile texts, and one of as many harmless ones."""
    folder = tmp_path_factory.mktemp("report")
    hostile = itertools.cycle([text for text in hostile_texts if one_line(text)])
    harmless = itertools.count()
    reports = {
        "plain": report_of(),
        "hostile": report_of(lambda _: next(hostile), hostile_texts),
        "harmless": report_of(lambda _: f"w{next(harmless)}", [f"t{k}" for k in range(len(hostile_texts))]),
    }
    files = {name: folder / f"{name}.html" for name in reports}
    for name, report in reports.items():
        files[name].write_text(report_document(report), encoding="utf-8")
    return files


@pytest.fixture
def opened(browser, pages):
    """Open one of `pages` anew."""

    def opens(name):
        browser.get_log("browser")
        browser.get(pages[name].as_uri())
        return browser

    return opens


@pytest.fixture
def shown(opened):
    """The plain page as it is when it is opened."""
    return opened("plain")


@contextmanager
def emulated(browser, command, wanted, normal):
    """Chromium under a command of its emulation, which is taken back."""
    browser.execute_cdp_cmd(f"Emulation.{command}", wanted)
    try:
        yield
    finally:
        browser.execute_cdp_cmd(f"Emulation.{command}", normal)


def scheme(browser, name):
    features = [{"name": "prefers-color-scheme", "value": name}]
    return emulated(browser, "setEmulatedMedia", {"features": features}, {"features": []})


def screen(browser, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    return emulated(browser, "setDeviceMetricsOverride", size, {**size, "width": 1280, "mobile": False})


def of_all(browser, selector, expression):
    """The value of a JavaScript expression for each element `e` of a selector."""
    script = f"return Array.from(document.querySelectorAll(arguments[0]), (e) => {expression});"
    return browser.execute_script(script, selector)


def texts_of(browser, selector):
    return of_all(browser, selector, "e.textContent")


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def press(browser, *keys):
    from selenium.webdriver import ActionChains

    ActionChains(browser, duration=0).send_keys(*keys).perform()


def from_data(link, kind):
    """The bytes of a link that holds them."""
    start = f"data:{kind};base64,"
    assert link.startswith(start)
    return base64.b64decode(link.removeprefix(start), validate=True)


# ----------------------------------------------------------------------------------------------------- what it asks for


def test_it_asks_for_nothing_and_says_nothing(browser, opened):
    browser.get_log("performance")
    shown = opened("plain")
    assert shown.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in sent if not url.startswith("data:")] == [shown.current_url]


def test_the_policy_lets_in_what_is_there_and_no_more(shown, pages):
    (policy,) = of_all(shown, "meta[http-equiv=Content-Security-Policy]", "e.content")
    texts = texts_of(shown, "script:not([type]), style")
    assert len(texts) == len(SCRIPTS) + 1
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
    assert "unsafe" not in policy
    document = pages["plain"].read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'`]*", document)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|\bfetch\(|XMLHttpRequest|WebSocket|innerHTML", document)


def test_hostile_texts_stay_texts(opened, hostile_texts):
    """Every element and every name of an attribute is what it is with harmless texts, after all scripts ran."""
    structure = "[e.tagName, e.getAttributeNames().join(' '), e.className.baseVal ?? e.className, e.id]"
    harmless = of_all(opened("harmless"), "*", structure)
    browser = opened("hostile")
    assert of_all(browser, "*", structure) == harmless
    assert browser.execute_script("return window.ran === undefined && Object.prototype.run === undefined")
    assert browser.get_log("browser") == []
    seen = [one_line(text) for text in hostile_texts]
    assert texts_of(browser, "#section-2 > ul > li") == seen
    assert texts_of(browser, "#section-2 > details tbody th") == texts_of(browser, "#section-2 > details td") == seen
    named = of_all(browser, "h1, h2, .scroll, .drawn img, circle.head", "e.ariaLabel ?? e.alt ?? e.textContent")
    assert all(text == one_line(text) for text in [*named, browser.title])


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_links_lead_into_the_page_beside_it_or_to_data(opened, name, hostile_texts):
    browser = opened(name)
    links = of_all(browser, "[href]", "[e.getAttribute('href'), e.protocol]")
    ids = set(of_all(browser, "[id]", "e.id"))
    assert len(ids) == len(of_all(browser, "[id]", "e.id"))
    for link, protocol in links:
        if link.startswith("#"):
            assert link[1:] in ids
        else:
            assert (link[:2], protocol) == ("./", "file:") or link.startswith("data:")
    files = of_all(browser, "#files a", "decodeURIComponent(e.getAttribute('href'))")
    assert files == [f"./{text}" for text in (hostile_texts if name == "hostile" else ("measures.csv", "methods.md"))]
    assert of_all(browser, ".evidence", "e.hash") == ["#section-1", "#section-3", "#section-2"]


def test_a_table_says_which_rows_it_is_made_of(shown):
    links = of_all(shown, ".table .source a", "[e.getAttribute('href'), e.textContent]")
    assert links[0] == ["./measures.csv#row=2-9;12", "9 rows of measures.csv"]
    assert "(at the end; lines 2 to 9, 12)" in texts_of(shown, ".table .source")[0]


# ------------------------------------------------------------------------------------------------ sorting and downloads


def click(browser, table, column):
    """Click on the heading of a column of the first or second table; what `state` is then."""
    browser.execute_script(f"document.querySelectorAll('.table')[{table}].querySelectorAll('button')[{column}].click()")
    return state(browser, table)


def state(browser, table):
    """The names of rows in order, and how columns say that they are sorted."""
    script = """
      const table = document.querySelectorAll(".table")[arguments[0]];
      const of = (selector, value) => Array.from(table.querySelectorAll(selector), value);
      return [of("tbody th", (e) => e.textContent), of("thead th", (e) => e.ariaSort)];
    """
    return browser.execute_script(script, table)


SORTED = {
    "setting": (["a", "b-9", "b-10", "c"], ["c", "b-10", "b-9", "a"]),
    "R2": (["b-9", "c", "b-10", "a"], ["b-10", "c", "b-9", "a"]),
    "score": (["a", "b-10", "b-9", "c"], ["b-9", "b-10", "a", "c"]),
    "images": (["b-9", "b-10", "a", "c"], ["a", "b-10", "b-9", "c"]),
    "change": (["c", "b-10", "b-9", "a"], ["b-9", "b-10", "c", "a"]),
    "probe": (["c", "b-10", "a", "b-9"], ["a", "b-10", "c", "b-9"]),
}
"""Names of rows in ascending and in descending order of each column of `ROWS`, as a person would sort them."""


def test_columns_sort_up_down_and_back(shown):
    """Numbers by number, names with numbers as people count, and "-" last in both directions."""
    original, none = [row[0] for row in ROWS], ["none"] * len(HEADER)
    for column, (ascending, descending) in enumerate(SORTED.values()):
        for rows, order in ((ascending, "ascending"), (descending, "descending"), (original, "none")):
            assert click(shown, 0, column) == [rows, [*none[:column], order, *none[column + 1 :]]]
    click(shown, 0, 3)
    assert click(shown, 0, 1) == [SORTED["R2"][0], ["none", "ascending", *none[2:]]]  # one column at a time


def test_names_that_are_numbers_sort_as_numbers(shown):
    assert click(shown, 1, 0)[0] == ["0.00541", "0.0108", "0.124", "1", "10"]
    assert click(shown, 1, 0)[0] == ["10", "1", "0.124", "0.0108", "0.00541"]


def test_tables_are_sorted_by_keys(shown):
    from selenium.webdriver import Keys

    shown.execute_script("document.querySelector('#section-1 > .table .scroll').focus()")
    press(shown, Keys.TAB, Keys.TAB)
    assert shown.switch_to.active_element.text.startswith("R2")
    press(shown, Keys.ENTER)
    assert state(shown, 0) == [SORTED["R2"][0], ["none", "ascending", *["none"] * 4]]


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_a_table_as_csv_has_its_cells(opened, name, hostile_texts):
    links = of_all(opened(name), ".table a[download]", "[e.download, e.href]")
    assert [file for file, _ in links] == ["table.csv"] * 3
    tables = [
        list(csv.reader(io.StringIO(from_data(link, "text/csv;charset=utf-8").decode(), ""))) for _, link in links
    ]
    texts = hostile_texts if name == "hostile" else ("measures.csv", "methods.md")
    many = [(text, text) for text in texts]
    assert [table[1:] for table in tables] == [list(map(list, rows)) for rows in (ROWS, EPOCH_ROWS, many)]
    if name == "plain":
        assert tables[0][0] == list(HEADER)


def test_a_figure_is_offered_in_both_formats(shown):
    png, svg = drawing()
    links = of_all(shown, ".drawn a", "[e.textContent, e.download, e.href]")
    assert [link[:2] for link in links] == [["PNG", "space.png"], ["SVG", "space.svg"]]
    assert from_data(links[0][2], "image/png") == png
    assert from_data(links[1][2], "image/svg+xml") == svg
    assert of_all(shown, ".drawn img", "[e.src, e.naturalWidth]") == [[links[1][2], 6]]


# -------------------------------------------------------------------------------------------------------------- the map


def heads(browser):
    """Places (4, 2) of runs on the map, in its own units."""
    moved = of_all(browser, ".map .head", "e.getAttribute('transform')")
    return np.array([re.match(r"translate\((\S+) (\S+)\)", text).groups() for text in moved], float)


def labels(browser):
    return of_all(browser, ".map .head", "e.ariaLabel")


def pixels(browser):
    """(4, 8, 8, 3) of the thumbnails."""
    image = f"Array.from(e.getContext('2d').getImageData(0, 0, {SIDE}, {SIDE}).data)"
    return np.array(of_all(browser, "canvas.thumbnail", image)).reshape(-1, SIDE, SIDE, 4)[..., :3]


def has_drawn(browser, numbers):
    wanted = np.stack([stack[number] for stack, number in zip(PICTURES.values(), numbers, strict=True)])
    until(lambda: np.array_equal(pixels(browser), wanted))


def test_the_map_goes_through_training_by_keys(shown):
    from selenium.webdriver import Keys

    assert labels(shown) == ["auto-1, epoch 2", "auto-2, epoch 2", "mask-1, epoch 2", "pixels, does not change"]
    slider = shown.find_element("css selector", "#map input")
    steps = ((Keys.HOME, 0), (Keys.ARROW_RIGHT, 1), (Keys.END, 2), (Keys.ARROW_LEFT, 1), (Keys.ARROW_RIGHT, 2))
    (length,) = of_all(shown, ".map .bar", "e.x2.baseVal.value - e.x1.baseVal.value")
    (degrees,) = texts_of(shown, ".map text")
    scale = length / float(degrees.removesuffix(" degrees"))
    for key, moment in steps:
        slider.send_keys(key)
        text = f"epoch {EPOCHS[moment]:g}"
        assert texts_of(shown, "#map output") == [text]
        assert slider.get_attribute("aria-valuetext") == text
        numbers = [moment, moment, moment // 2, 0]  # the third run has no snapshot in the middle
        places = np.array([points[number] for (_, points), number in zip(TRAILS.values(), numbers, strict=True)])
        found = heads(shown)
        np.testing.assert_allclose(found - found[3], (places - places[3]) * [scale, -scale], atol=0.01)
        assert labels(shown)[2] == f"mask-1, epoch {(0, 0, 2)[moment]}"
        has_drawn(shown, numbers)
        passed = of_all(shown, ".map .passed", "e.points.length")
        assert passed == [number + 1 for number in numbers]


def test_what_does_not_change_is_a_diamond(shown):
    kinds = of_all(shown, ".map .head", "[e.tagName, e.getAttribute('transform').includes('rotate(45)')]")
    assert kinds == [*[["circle", False]] * 3, ["rect", True]]


def test_play_ends_at_the_end(shown):
    (button,) = shown.find_elements("css selector", ".play")
    assert button.get_attribute("aria-label") == "Play"
    button.click()  # at the end: it starts anew
    assert button.get_attribute("aria-label") == "Pause"
    assert labels(shown)[0] != "auto-1, epoch 2"
    until(lambda: button.get_attribute("aria-label") == "Play")
    assert labels(shown)[0] == "auto-1, epoch 2"


def pale(browser):
    """Which runs are pale, and which picture is framed."""
    opacity = of_all(browser, ".map .head", "Number(getComputedStyle(e).opacity)")
    lines = of_all(browser, ".map .passed", "e.classList.contains('other')")
    framed = of_all(browser, ".thumbnail", "getComputedStyle(e).borderTopColor !== 'rgba(0, 0, 0, 0)'")
    assert [one < 0.5 for one in opacity] == lines
    return lines, framed


def test_a_run_is_brought_out_by_pointer_and_by_keys(shown):
    from selenium.webdriver import ActionChains, Keys

    nothing, second = ([False] * 4, [False] * 4), ([True, False, True, True], [False, True, False, False])
    assert pale(shown) == nothing
    chain = ActionChains(shown, duration=0)
    for selector in (".map .head:nth-of-type(2)", ".thumbnail:nth-of-type(2)"):
        chain.move_to_element(shown.find_element("css selector", selector)).perform()
        assert pale(shown) == second
        chain.move_to_element(shown.find_element("css selector", ".time output")).perform()
        assert pale(shown) == nothing
    shown.execute_script("document.querySelector('#map input').focus()")
    press(shown, Keys.TAB, Keys.TAB)
    assert shown.switch_to.active_element.get_attribute("aria-label") == "auto-2, epoch 2"
    assert pale(shown) == second


def test_a_late_sheet_does_not_draw_over_what_is_shown_now(shown):
    """Of two pictures asked for the same canvas the second stays, though the sheet of the first is decoded later."""
    script = """
      const done = arguments[0];
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 8;
      const pictures = new Pictures([JSON.parse(find("content").textContent).sheets], [8, 8]);
      const decoded = pictures.sheet(0, 0);
      const late = decoded.then((sheet) => new Promise((resolve) => setTimeout(() => resolve(sheet), 40)));
      let asked = 0;
      pictures.sheet = () => (asked++ ? decoded : late);
      Promise.all([pictures.draw(0, 0, canvas), pictures.draw(0, 1, canvas)]).then(
        () => done(Array.from(canvas.getContext("2d").getImageData(0, 0, 8, 8).data)));
    """
    found = np.array(shown.execute_async_script(script)).reshape(SIDE, SIDE, 4)[..., :3]
    np.testing.assert_array_equal(found, PICTURES["auto-1"][1])


# ------------------------------------------------------------------------------------------------------ who can read it


def test_all_is_there_without_scripts(browser, opened):
    words = texts_of(opened("plain"), "h1, h2, h3, p, li, dt, dd, th, td, summary")
    figures = texts_of(browser, "figcaption:not(.legend)")
    with emulated(browser, "setScriptExecutionDisabled", {"value": True}, {"value": False}):
        opened("plain")
        assert texts_of(browser, "noscript p")  # parsed as elements: no script can have run
        silent = texts_of(browser, "h1, h2, h3, p, li, dt, dd, th, td, summary")
        assert set(words) - set(silent) == {"Colour: angle."}
        assert [text.removesuffix(" · SVG") for text in figures] == texts_of(browser, "figcaption")
        assert of_all(browser, ".drawn img", "e.naturalWidth") == [6]
        assert of_all(browser, "#map", "e.offsetHeight") == [0]
        assert all(height > 0 for height in of_all(browser, "section > .table, .drawn, #first", "e.offsetHeight"))
        assert [link for link in of_all(browser, "a", "e.getAttribute('href')") if link in ("#", "", None)] == []


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_no_page_scrolls_sideways(opened, name):
    browser = opened(name)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true;")
    for width in (390, 1280):
        with screen(browser, width):
            inner, needed = browser.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
            assert inner == width >= needed
            ends = of_all(browser, "main *:not(.scroll *)", "e.getBoundingClientRect().right")
            assert max(ends) <= width
            names = of_all(browser, "tbody th", "e.offsetWidth")
            assert max(names) <= width / 2  # they stay while the rest of a table moves


def luminance(color):
    """Relative luminance of 0-255 RGB, by WCAG 2."""
    share = np.array(color) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


COLORS = """
const solid = (color) => {
  const [red, green, blue, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
  return alpha === 1 ? [red, green, blue] : null;
};
const behind = (e) => solid(getComputedStyle(e).backgroundColor) ?? behind(e.parentElement);
const found = {};
for (const e of document.querySelectorAll("body *")) {
  const has = Array.from(e.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
  if (!has || e.closest("script, noscript, title")) continue;
  const style = getComputedStyle(e);
  const name = `${e.tagName} ${e.className.baseVal ?? e.className} in ${e.parentElement.id || e.parentElement.tagName}`;
  found[name] = [solid(e instanceof SVGElement ? style.fill : style.color), behind(e)];
}
return found;
"""


def contrasts(colors):
    """Of each text, the contrast with what is behind it, by WCAG 2."""
    lights = {name: sorted(luminance(color) + 0.05 for color in pair) for name, pair in colors.items()}
    return {name: high / low for name, (low, high) in lights.items()}


def test_texts_stand_out_from_what_is_behind_them(shown):
    """At least 4.5 to 1 for each text of the page."""
    shown.execute_script("for (const one of document.querySelectorAll('details')) one.open = true;")
    pages = []
    for wanted in ("light", "dark"):
        with scheme(shown, wanted):
            colors = shown.execute_script(COLORS)
        assert {name.split()[0] for name in colors} >= {"H1", "P", "A", "TD", "BUTTON", "SUMMARY", "text", "OUTPUT"}
        assert any("evidence" in name for name in colors)
        pages.append(luminance(colors["H1  in HEADER"][1]))
        assert {name: contrast for name, contrast in contrasts(colors).items() if contrast < 4.5} == {}
    assert pages[0] > 0.9
    assert pages[1] < 0.05


NAMED = {"button", "link", "slider", "region", "navigation", "image", "img", "heading", "DisclosureTriangle"}


def test_everything_has_a_name_and_headings_are_in_order(shown):
    """As Chromium tells it to a screen reader."""
    shown.execute_script("for (const one of document.querySelectorAll('details')) one.open = true;")
    nodes = shown.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED
    ]
    assert {role for role, _ in named} >= {"button", "link", "slider", "region", "navigation", "image", "heading"}
    assert [role for role, name in named if not name.strip()] == []
    levels = [int(level[1]) for level in of_all(shown, "h1, h2, h3, h4, h5, h6", "e.tagName")]
    assert levels.count(1) == 1 == levels[0]
    assert max(np.diff(levels)) <= 1
    assert of_all(shown, "html", "e.lang") == ["en"]
    assert all(of_all(shown, "img", "e.alt.trim()"))
    assert of_all(shown, ".map", "e.ariaLabel") == ["Map of representations. The stress is 0.28."]
    assert sum(name == "Play" for _, name in named) == 1

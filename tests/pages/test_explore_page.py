"""The page of `explore` in a real browser: it moves, answers to pointer and keys, and asks no network."""

import csv
import io
import json
import math
import shutil
import time

import numpy as np
import pytest

import autoencoder as ae
from autoencoder.machine.plain_text import visible
from autoencoder.measures.angles import circular_mean
from autoencoder.pages.document import EXPLORER_SCRIPTS
from autoencoder.workflows.clips.rows import read_rows
from autoencoder.workflows.columns import readable

HOSTILE_RUN = "<img src=x onerror=window.ran=1>"


def opened(browser, file):
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(file.as_uri())
    return browser


@pytest.fixture
def shown(browser, page):
    """The page, as it is when it is opened."""
    return opened(browser, page)


def ask(browser, expression, *arguments):
    """The value of a JavaScript expression, in which `e` is the page's `explorer`."""
    return browser.execute_script(f"const e = window.explorer; return {expression};", *arguments)


def until(condition, seconds=10.0):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def places(browser):
    """(n, 2) CSS pixels from the plot's corner."""
    return np.array(ask(browser, "Array.from({length: e.count}, (_, i) => e.scatter.placeOf(i))"))


def pixels(browser, element_id="points"):
    """All bytes of a canvas."""
    script = "const c = document.getElementById(arguments[0]); return c.toDataURL();"
    return browser.execute_script(script, element_id)


def pointer(browser):
    from selenium.webdriver import ActionChains

    return ActionChains(browser, duration=10)


def move_to(browser, chain, x, y):
    """Move the pointer to a place in the plot."""
    plot = browser.find_element("id", "overlay")
    return chain.move_to_element_with_offset(
        plot, round(x - plot.size["width"] / 2), round(y - plot.size["height"] / 2)
    )


def choose(browser, select, text):
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("id", select)).select_by_visible_text(text)


def press(browser, *keys):
    pointer(browser).send_keys(*keys).perform()


def lonely(found):
    """The point that is farthest from its neighbours, so that a pointer can mean no other one."""
    distances = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    inside = ((found > 20) & (found < np.array([700, 500]))).all(axis=1)
    return int(np.argmax(np.where(inside, distances.min(axis=1), -1)))


def test_opens_without_errors_and_without_requests(shown):
    assert shown.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert any(url.startswith("file:") for url in sent)
    assert not [url for url in sent if not url.startswith(("file:", "data:"))]
    assert shown.find_element("id", "summary").text == "120 images at 10 moments of training"
    assert shown.find_element("id", "when").text == "epoch 3, step 18"


def test_points_are_drawn_where_the_embedding_has_them(shown, page, content):
    found = content(page)
    view = found["views"][0]
    width, height = (ask(shown, f"e.scatter.points.client{side}") for side in ("Width", "Height"))
    stored = np.array(ask(shown, "Array.from(e.view.places)")).reshape(-1, 120, 2)[-1]
    low, high = np.array(view["bounds"]).T
    shares = low + stored / 65535 * (high - low)
    start, end = np.array(view["limits"]).T
    shares = (shares - start) / (end - start) - 0.5
    side = min(width, height)
    expected = np.stack([width / 2 + side * shares[:, 0], height / 2 - side * shares[:, 1]], axis=1)
    np.testing.assert_allclose(places(shown), expected, atol=0.01)


def test_a_point_is_painted_in_its_colour(shown):
    found = places(shown)
    i = lonely(found)
    x, y = found[i]
    script = (
        "const context = document.getElementById('points').getContext('2d');"
        "return Array.from(context.getImageData(...arguments, 1, 1).data);"
    )
    assert shown.execute_script(script, int(x), int(y))[:3] == ask(shown, f"e.colorOf({i})")


def test_slider_and_keys_move_through_training(shown):
    from selenium.webdriver import Keys

    before, drawn = places(shown), pixels(shown)
    shown.find_element("id", "time").send_keys(Keys.HOME)
    assert shown.find_element("id", "when").text == "epoch 0, step 0"
    assert np.abs(places(shown) - before).max() > 1
    assert pixels(shown) != drawn
    shown.find_element("id", "time").send_keys(Keys.ARROW_RIGHT)
    assert ask(shown, "e.time") == 1
    shown.execute_script("document.activeElement.blur()")
    press(shown, Keys.ARROW_RIGHT)
    assert ask(shown, "e.time") == 2
    assert shown.find_element("id", "time").get_attribute("aria-valuetext") == "epoch 0.7, step 4"
    press(shown, Keys.END)
    assert pixels(shown) == drawn


def test_play_comes_to_the_end_and_stops(shown):
    shown.execute_script("window.explorer.showTime(7)")
    button = shown.find_element("id", "play")
    assert button.get_attribute("aria-label") == "Play"
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    until(lambda: ask(shown, "e.time") == 9)
    until(lambda: button.get_attribute("aria-label") == "Play")
    button.click()  # from the end it starts anew
    until(lambda: 0 < ask(shown, "e.time") < 9)
    shown.execute_script("document.activeElement.blur()")
    press(shown, " ")
    stopped = ask(shown, "e.time")
    time.sleep(0.3)
    assert ask(shown, "e.time") == stopped


def test_hover_shows_the_image_and_what_is_known(shown, finished, arena):
    found = places(shown)
    i = lonely(found)
    move_to(shown, pointer(shown), *found[i]).perform()
    until(lambda: shown.find_element("id", "hover").is_displayed())
    row = ask(shown, f"e.content.rows[{i}]")
    images = ae.load_images(arena)
    text = shown.find_element("id", "hover").text
    assert f"row {row}" in text
    angle = images.metadata.column("body_angle_deg")[row]
    assert f"body angle (deg) {float(f'{angle:.5g}'):g}" in text
    script = (
        "const c = document.querySelectorAll('#hover canvas')[arguments[0]];"
        "return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data);"
    )
    until(lambda: any(shown.execute_script(script, 1)))
    image = np.array(shown.execute_script(script, 0)).reshape(50, 50, 4)[..., 0]
    np.testing.assert_array_equal(image, images.images[row, 0])
    reconstruction = ae.load_run(finished).reconstruct(images.images[[row]])[0, 0]
    drawn = np.array(shown.execute_script(script, 1)).reshape(50, 50, 4)[..., 0]
    np.testing.assert_allclose(drawn, reconstruction * 255, atol=0.51)
    move_to(shown, pointer(shown), 2, 2).perform()
    until(lambda: not shown.find_element("id", "hover").is_displayed())


def test_colours(shown, arena):
    drawn = pixels(shown)
    metadata = ae.load_images(arena).metadata
    assert shown.find_element("id", "column").get_attribute("value") == "body angle (deg)"
    assert [tick.text for tick in shown.find_elements("css selector", ".tick")] == ["0", "90", "180", "270", "360"]
    choose(shown, "column", "nearest port")
    assert pixels(shown) != drawn
    ports = metadata.column("nearest_port")
    names = [entry.text for entry in shown.find_elements("css selector", ".category")]
    assert names == [str(port) for port in np.unique(ports)]
    shown.find_element("css selector", ".category").click()
    chosen = ask(shown, "e.chosen.map((i) => e.content.rows[i])")
    assert chosen == np.flatnonzero(ports == ports.min()).tolist()


def test_a_loop_selects_what_is_inside(shown, arena):
    found = places(shown)
    middle = np.median(found[:, 0]).round()
    low, high = found.min(axis=0) - 6, found.max(axis=0) + 6
    corners = [(middle, low[1]), (middle, high[1]), (low[0], high[1]), (low[0], low[1])]
    chain = move_to(shown, pointer(shown), *corners[0]).click_and_hold()
    for corner in corners[1:]:
        move_to(shown, chain, *corner)
    chain.release().perform()
    chosen = ask(shown, "e.chosen")
    clearly = np.abs(found[:, 0] - middle) > 1.5
    inside = found[:, 0] < middle
    mask = np.isin(np.arange(120), chosen)
    np.testing.assert_array_equal(mask[clearly], inside[clearly])
    assert 0 < len(chosen) < 120
    assert shown.find_element("id", "selection-title").text.startswith(f"{len(chosen)} selected")
    tiles = shown.find_elements("css selector", "#tiles button")
    assert len(tiles) == min(60, len(chosen))

    rows = ask(shown, "e.chosen.map((i) => e.content.rows[i])")
    angles = np.radians(ae.load_images(arena).metadata.column("body_angle_deg")[rows])
    mean = math.degrees(circular_mean(angles)) % 360
    length = abs(np.exp(1j * angles).mean())
    cells = {
        line.find_element("tag name", "th").text: line.find_elements("tag name", "td")
        for line in shown.find_elements("css selector", ".statistics tr")[1:]
    }
    said, _, agreement = cells["body angle (deg)"][0].text.partition(", R ")
    assert float(said) == pytest.approx(mean, abs=0.6)
    assert float(agreement) == pytest.approx(length, abs=0.006)

    faded = pixels(shown)
    shown.execute_script("window.explorer.showTime(0)")
    assert ask(shown, "e.chosen") == chosen
    assert pixels(shown) != faded
    press(shown, "\ue00c")  # Escape
    assert ask(shown, "e.chosen") == []


def test_a_click_selects_one(shown):
    found = places(shown)
    i = lonely(found)
    move_to(shown, pointer(shown), *found[i]).click().perform()
    assert ask(shown, "e.chosen") == [i]
    assert len(shown.find_elements("css selector", "#statistics canvas")) == 2
    shown.find_element("id", "clear").click()
    assert ask(shown, "e.chosen") == []


def test_methods_and_layers(shown):
    at_the_end = places(shown)
    shown.execute_script("window.explorer.showTime(3)")
    fitted_last = places(shown)
    choose(shown, "method", "PCA, fitted to each snapshot separately")
    assert ask(shown, "e.time") == 3
    assert np.abs(places(shown) - fitted_last).max() > 1
    choose(shown, "layer", "decoder's first layer")
    assert ask(shown, "e.view.steps[e.time]") == 6  # the same step
    assert ask(shown, "e.view.method") == "PCA, fitted to each snapshot separately"
    choose(shown, "layer", "latent space")
    choose(shown, "method", "PCA, fitted to the last snapshot")
    shown.execute_script("window.explorer.showTime(9)")
    np.testing.assert_allclose(places(shown), at_the_end)


def test_the_wheel_zooms_where_the_pointer_is(shown):
    found = places(shown)
    i = lonely(found)
    script = (
        "const [x, y] = window.explorer.scatter.placeOf(arguments[0]);"
        "const plot = document.getElementById('overlay'); const box = plot.getBoundingClientRect();"
        "plot.dispatchEvent(new WheelEvent('wheel',"
        "{deltaY: -600, clientX: box.left + x, clientY: box.top + y, cancelable: true}));"
    )
    shown.execute_script(script, i)
    zoomed = places(shown)
    np.testing.assert_allclose(zoomed[i], found[i], atol=3)  # an event's place is a whole number of pixels
    spread = np.ptp(zoomed, axis=0) / np.ptp(found, axis=0)
    np.testing.assert_allclose(spread, math.exp(600 / 400), rtol=1e-3)
    shown.find_element("id", "reset").click()
    np.testing.assert_allclose(places(shown), found)


def test_every_picture_is_cut_out_of_its_sheet(browser, finished, arena, tmp_path, succeed):
    """Twenty images make a sheet of five columns and four rows."""
    out = tmp_path / "page.html"
    succeed("explore", finished, "--reduce", "pca", "--points", 20, "--out", out)
    opened(browser, out)
    script = (
        "const done = arguments[0], e = window.explorer, canvas = document.createElement('canvas');"
        "[canvas.width, canvas.height] = e.content.pictureSize;"
        "const bytes = () => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);"
        "const all = async () => {"
        "  const found = [];"
        "  for (let i = 0; i < e.count; i++) { await e.pictures.draw(0, i, canvas); found.push(bytes()); }"
        "  return found;"
        "};"
        "all().then(done);"
    )
    drawn = np.array(browser.execute_async_script(script)).reshape(20, 50, 50, 4)[..., 0]
    rows = ask(browser, "Array.from(e.content.rows)")
    np.testing.assert_array_equal(drawn, ae.load_images(arena).images[rows, 0])


def test_recordings_and_animals_and_the_selection_as_a_csv(browser, finished, arena, tmp_path, succeed):
    """Twelve recordings of ten animals: each has a colour and a name; what is selected is saved, and `clips` reads it.

    Frames are written as the table has them, and a name with a comma and quotes comes back as it was.
    """
    animals = np.array([f'"{name}", right' for name in "abcdefghij"])[np.arange(120) % 12 % 10]
    recordings = np.array([f"day{i % 12:02d}" for i in range(120)])
    table, out = tmp_path / "columns.npz", tmp_path / "page.html"
    np.savez(table, recording=recordings, animal=animals, frame=np.arange(120) // 12 * 3, weight=np.arange(120) / 8)
    flags = ("--reduce", "pca", "--max-snapshots", 1, "--points", 100, "--metadata", table)
    succeed("explore", finished, *flags, "--out", out)
    opened(browser, out)
    for column, values in (("recording", recordings), ("animal", animals)):
        choose(browser, "column", column)
        entries = browser.find_elements("css selector", ".category")
        assert [entry.text for entry in entries] == np.unique(values).tolist()
        swatches = [
            entry.find_element("class name", "swatch").value_of_css_property("background-color") for entry in entries
        ]
        assert len(set(swatches)) == len(np.unique(values))
        entries[3].click()
        rows = np.array(ask(browser, "Array.from(e.content.rows)"))
        chosen = np.array(ask(browser, "e.chosen.map((i) => e.content.rows[i])"))
        np.testing.assert_array_equal(chosen, rows[values[rows] == np.unique(values)[3]])
    browser.execute_script("window.explorer.hover(5, new DOMRect(9, 9, 0, 0));")
    text = browser.find_element("id", "hover").text
    assert f"recording {recordings[rows[5]]}" in text
    assert f"animal {animals[rows[5]]}" in text

    browser.execute_cdp_cmd("Page.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.find_element("id", "save").click()
    saved = tmp_path / "selection.csv"
    until(saved.exists)
    metadata = ae.load_images(arena, table).metadata
    np.testing.assert_array_equal(read_rows(saved, metadata, 120), chosen)
    with saved.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["animal"] for line in lines] == animals[chosen].tolist()
    assert [int(line["frame"]) for line in lines] == metadata.column("frame")[chosen].tolist()
    assert [float(line["weight"]) for line in lines] == metadata.column("weight")[chosen].tolist()
    press(browser, "\ue00c")  # Escape
    assert not browser.find_element("id", "save").is_displayed()
    assert browser.get_log("browser") == []


def test_texts_of_the_data_are_shown_as_they_are(browser, finished, tmp_path, root, succeed):
    """Names of columns, labels, the run and its data that would be markup or code: all are read as text, none runs.

    Each of `tests/hostile_texts.json` is a column and a label; scripts among them would set `window.ran`.
    """
    texts = json.loads((root / "tests" / "hostile_texts.json").read_text(encoding="utf-8"))
    names = [text for text in texts if "\0" not in text]  # which no archive holds as a name
    run = shutil.copytree(finished, tmp_path / HOSTILE_RUN)
    columns = {name: np.arange(120.0) for name in names}
    labels = np.array([texts[i % len(texts)] for i in range(120)])
    few = np.array([texts[i % 15] for i in range(120)])
    np.savez(tmp_path / "columns.npz", **columns, labels=labels, few=few)
    out = tmp_path / "page.html"
    flags = ("--metadata", tmp_path / "columns.npz", "--color-by", "few", texts[0], "__proto__")
    succeed("explore", run, "--reduce", "pca", "--max-snapshots", 1, *flags, "--out", out)
    opened(browser, out)
    content_text = "return document.getElementById(arguments[0]).textContent"
    assert browser.execute_script(content_text, "title") == f"{HOSTILE_RUN}, trained on arena.npz"
    assert browser.title == f"{HOSTILE_RUN}, trained on arena.npz"
    chosen = browser.find_element("id", "column").find_elements("tag name", "option")
    assert [option.get_property("textContent") for option in chosen] == ["few", texts[0], readable("__proto__")]
    entries = "return Array.from(document.querySelectorAll('.category'), (entry) => entry.textContent)"
    assert set(browser.execute_script(entries)) == set(texts[:15])
    choose(browser, "column", texts[0])
    browser.execute_script("window.explorer.hover(0, new DOMRect(9, 9, 0, 0)); window.explorer.select([0], false);")
    cells = "return Array.from(document.querySelectorAll(arguments[0]), (cell) => cell.textContent)"
    for place in ("#hover .known", "#statistics .known"):
        shown = browser.execute_script(cells, f"{place} th")
        assert set(shown) == {"image", "few", "labels", *map(readable, names)}
    everything = f"window.explorer.select(Array.from({{length: {len(texts)}}}, (_, i) => i), false);"
    browser.execute_script(everything)
    assert set(browser.execute_script(cells, ".statistics th")) >= set(map(readable, names))
    saved = browser.execute_script("return csvOf(window.explorer.content, window.explorer.chosen)")
    header, *lines = csv.reader(io.StringIO(saved, newline=""))
    assert set(header) == {"row", "few", "labels", *map(visible, names)}
    assert [line[header.index("labels")] for line in lines] == [visible(text) for text in labels[: len(texts)]]
    values = browser.execute_script("return window.explorer.content.columns.find((c) => c.label === 'labels').names")
    assert set(values) == set(map(visible, texts))
    assert browser.execute_script("return window.ran === undefined && Object.prototype.label === undefined")
    assert browser.find_elements("css selector", "img, [onerror], [src], [href], [onclick], iframe, object") == []
    assert len(browser.find_elements("css selector", "script")) == len(EXPLORER_SCRIPTS)
    policy = browser.find_element("css selector", "meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert browser.get_log("browser") == []

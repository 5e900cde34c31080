"use strict";

const UNKNOWN_COLOR = [196, 196, 196];

/** Fill `place` with what a reader needs to read a column's colours; a category's entry calls `onChoose` by its colours. */
function drawLegend(place, column, onChoose) {
  const { stops, ticks, legend, unknown } = column.coloring;
  place.replaceChildren();
  if (stops.length) place.append(colorBar(stops, ticks));
  const entries = stops.length && unknown ? [["unknown", UNKNOWN_COLOR, UNKNOWN_COLOR]] : legend;
  const list = element("div", "categories");
  for (const [name, color, pale] of entries) list.append(legendEntry(name, color, pale, onChoose));
  if (entries.length) place.append(list);
  if (column.kind === "linear") place.append(element("p", "small", "Colours span the 1st to the 99th percentile."));
}

/** An entry of the legend; images that were trained on have its `pale` colour where others were held out. */
function legendEntry(name, color, pale, onChoose) {
  const entry = element("button", "category");
  entry.type = "button";
  entry.title = "Select these images";
  const swatch = element("span", "swatch");
  swatch.style.background = cssColor(color);
  entry.append(swatch, element("span", "", name));
  entry.addEventListener("click", (event) => onChoose([color, pale], event.shiftKey));
  return entry;
}

/** A bar of colours with its ticks, at shares of its length, below it. */
function colorBar(stops, ticks) {
  const bar = element("div", "color-bar");
  const ramp = element("div", "ramp");
  ramp.style.background = `linear-gradient(to right, ${stops.map(cssColor).join(", ")})`;
  bar.append(ramp);
  for (const [share, text] of ticks) {
    const tick = element("span", "tick", text);
    tick.style.left = `${100 * share}%`;
    bar.append(tick);
  }
  return bar;
}

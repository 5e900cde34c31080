"use strict";

const MEANINGS = {
  linear: "Numbers: mean ± standard deviation.",
  circular: "Angles: circular mean, and R from 0 (they cancel) to 1 (they agree).",
  category: "Labels: the most frequent ones.",
};
const MOST_VALUES = 3; // of a category in the table of a selection

/** A table of what is known of image `i`. */
function knownOf(content, i) {
  const table = element("table", "known");
  addRow(table, "image", [`row ${content.rows[i]}`]);
  for (const column of content.columns) addRow(table, column.label, [textOf(valueOf(column, i))]);
  return table;
}

/** Image `i` beside its reconstruction, with names below, and what is known of it. */
function detailsOf(content, pictures, i) {
  const details = element("div", "details");
  const row = element("div", "row");
  pictures.kinds.forEach((kind, number) => {
    const figure = element("figure");
    figure.append(pictures.canvas(number, i, 112), element("figcaption", "", kind.name));
    row.append(figure);
  });
  details.append(row, knownOf(content, i));
  return details;
}

/** A table of the selection beside all images: shares of categories, means of numbers, circular means of angles. */
function statisticsOf(content, chosen) {
  const table = element("table", "statistics");
  const head = element("tr");
  for (const text of ["", "selection", "all images"]) head.append(element("th", "", text));
  table.append(head);
  const everything = Array.from({ length: content.count }, (_, i) => i);
  for (const column of content.columns) {
    const summarise = { circular: circularMean, linear: meanAndSpread, category: mostFrequent }[column.kind];
    addRow(table, column.label, [chosen, everything].map((points) => summarise(column, points)));
  }
  const kinds = Object.keys(MEANINGS).filter((kind) => content.columns.some((column) => column.kind === kind));
  const part = element("div");
  part.append(table, element("p", "small", kinds.map((kind) => MEANINGS[kind]).join(" ")));
  return part;
}

function addRow(table, name, texts) {
  const row = element("tr");
  row.append(element("th", "", name));
  for (const text of texts) row.append(element("td", "", text));
  table.append(row);
}

/** Values that are known. */
function knownValues(column, points) {
  return points.map((i) => valueOf(column, i)).filter((value) => value !== null);
}

/** Direction of the sum of unit vectors, and the length of their mean: 1 where all agree, 0 where they cancel. */
function circularMean(column, points) {
  const turns = knownValues(column, points).map((value) => (2 * Math.PI * value) / column.period);
  if (!turns.length) return "unknown";
  const x = turns.reduce((sum, angle) => sum + Math.cos(angle), 0) / turns.length;
  const y = turns.reduce((sum, angle) => sum + Math.sin(angle), 0) / turns.length;
  const mean = (((Math.atan2(y, x) / (2 * Math.PI)) % 1) + 1) % 1;
  return `${Number((mean * column.period).toPrecision(3))}, R ${Math.hypot(x, y).toFixed(2)}`;
}

function meanAndSpread(column, points) {
  const values = knownValues(column, points);
  if (!values.length) return "unknown";
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return `${Number(mean.toPrecision(3))} ± ${Number(Math.sqrt(variance).toPrecision(2))}`;
}

function mostFrequent(column, points) {
  const counts = new Map();
  for (const i of points) counts.set(valueOf(column, i), (counts.get(valueOf(column, i)) || 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const shareOf = (number) => Number(((100 * number) / points.length).toPrecision(2));
  const shown = sorted.slice(0, MOST_VALUES).map(([value, number]) => `${textOf(value)}: ${shareOf(number)} %`);
  return shown.join(", ") + (sorted.length > MOST_VALUES ? ", …" : "");
}

"use strict";

const ROW = "row"; // the column that `clips` and other readers find images by
const SAVED_AS = "selection.csv";

/** The chosen images as a CSV: the row of each in the data file, counted from 0, and what is known of it. */
function csvOf(content, chosen) {
  const columns = content.columns.filter((column) => column.name !== ROW);
  const lines = [[ROW, ...columns.map((column) => column.name)]];
  for (const i of chosen) lines.push([content.rows[i], ...columns.map((column) => valueOf(column, i) ?? "")]);
  return lines.map((line) => `${line.map(csvField).join(",")}\n`).join("");
}

function csvField(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Have the browser save a text as a file. */
function saveText(text, name) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by when it is saved
}

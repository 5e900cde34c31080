"use strict";

// The page's data as arrays. Every text in it comes from files of the user, and is only ever written as textContent.

/** Bytes of a base64 text. */
function bytesOf(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** The content that stands in the page, with typed arrays in the place of base64. */
function readContent() {
  const script = find("content");
  const content = JSON.parse(script.textContent);
  script.remove(); // the text is several megabytes
  content.order = new Uint32Array(bytesOf(content.order).buffer);
  content.rows = new Uint32Array(bytesOf(content.rows).buffer);
  for (const view of content.views) view.places = new Uint16Array(bytesOf(view.places).buffer);
  for (const column of content.columns) {
    if (column.coloring) column.coloring.colors = bytesOf(column.coloring.colors);
  }
  return content;
}

/** The value of a column for image `i`; null where it is not known. */
function valueOf(column, i) {
  if (!column.names) return column.values[i];
  const text = column.names[column.codes[i]];
  return text === "" ? null : text;
}

/** A value as it is read by people. */
function textOf(value) {
  if (value === null) return "unknown";
  if (typeof value === "string" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(5)));
}

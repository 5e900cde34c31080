"use strict";

/** Tables whose columns sort their rows: up, down, and as they were. */
const NEXT_ORDER = { none: "ascending", ascending: "descending", descending: "none" };

/** A number that is not part of a word or of a longer number. */
const NUMBER = /(?<![\w.])[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?!\.?\w)/i;
const NUMBER_ALONE = new RegExp(`^${NUMBER.source}\\*?$`, "i");

/** What a table writes before a score that was lost or folded, in how many runs: "L ", "F 2/4 ". */
const LOST_OR_FOLDED = /^[LF] (?:\d+\/\d+ )?/;

/** The first number in a cell, such as 0.8 of "F 2/4 0.80*"; null where there is none. */
function numberIn(text) {
  const found = text.replace(LOST_OR_FOLDED, "").match(NUMBER);
  return found ? Number(found[0].replaceAll(",", "").replace("−", "-")) : null;
}

/** Make the headings of a table sort it. */
function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const order = NEXT_ORDER[heading.getAttribute("aria-sort")];
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", order);
      body.append(...sorted(original, column, order));
    });
  });
}

/** Rows in an order; rows with nothing to compare come last in both, as they were. */
function sorted(rows, column, order) {
  if (order === "none") return rows;
  const texts = rows.map((row) => row.cells[column].textContent.trim());
  const keys = new Map(keysOf(texts, column === 0).map((key, place) => [rows[place], key]));
  const direction = order === "ascending" ? 1 : -1;
  return [...rows].sort((one, other) => {
    const [first, second] = [keys.get(one), keys.get(other)];
    if (first === null || second === null) return (first === null) - (second === null);
    return direction * compared(first, second);
  });
}

/** Below 0 where the first of two numbers or texts comes first, above where the second does. */
function compared(first, second) {
  if (typeof first === "number") return first - second;
  return first.localeCompare(second, "en", { numeric: true });
}

/** What cells are compared by, null for an empty one: numbers where any has one, and in names only where all are. */
function keysOf(texts, areNames) {
  const empty = new Set(["", "-"]);
  const filled = texts.filter((text) => !empty.has(text));
  const areNumbers = areNames
    ? filled.every((text) => NUMBER_ALONE.test(text))
    : filled.some((text) => numberIn(text) !== null);
  return texts.map((text) => (empty.has(text) ? null : areNumbers ? numberIn(text) : text));
}

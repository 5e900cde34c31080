"use strict";

/** Tables whose columns sort their rows: up, down, and as they were. */
const NEXT_ORDER = { none: "ascending", ascending: "descending", descending: "none" };

/** The first number in a cell, such as 0.8 of "F 2/4 0.80*"; null where there is none. */
function numberIn(text) {
  const found = text.replace(/^(?:[LF](?: \d+\/\d+)? )/, "").match(/[-+−]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?/i);
  return found ? Number(found[0].replaceAll(",", "").replace("−", "-")) : null;
}

/** Compare two cells: by their numbers where a column has any, with cells without one last; else by their texts. */
function compareCells(one, other, hasNumbers) {
  if (!hasNumbers) return one.localeCompare(other, "en", { numeric: true });
  const [first, second] = [numberIn(one), numberIn(other)];
  if (first === null || second === null) return (first === null) - (second === null);
  return first - second;
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

/** Rows in an order; a row without a number stays last in both. */
function sorted(rows, column, order) {
  if (order === "none") return rows;
  const texts = new Map(rows.map((row) => [row, row.cells[column].textContent.trim()]));
  const hasNumbers = column > 0 && [...texts.values()].some((text) => numberIn(text) !== null);
  const isEmpty = (row) => hasNumbers && numberIn(texts.get(row)) === null;
  const direction = order === "ascending" ? 1 : -1;
  return [...rows].sort((one, other) => {
    if (isEmpty(one) || isEmpty(other)) return isEmpty(one) - isEmpty(other);
    return direction * compareCells(texts.get(one), texts.get(other), hasNumbers);
  });
}

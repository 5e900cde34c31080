"use strict";

// How scripts make and find parts of a page. Every text comes from files of the user, and is only written as textContent.

/** A new element with classes and a text. */
function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}

/** `red`, `green`, `blue` (0 to 255) as CSS. */
function cssColor([red, green, blue]) {
  return `rgb(${red}, ${green}, ${blue})`;
}

/** The element with an id. */
function find(id) {
  return document.getElementById(id);
}

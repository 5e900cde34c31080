"use strict";

/** Give each link to a drawing the address of the image that is shown, which stands in the page only once. */
function linkDrawings() {
  for (const link of document.querySelectorAll("a.same-as-image")) {
    link.href = link.closest("figure").querySelector("img").src;
  }
}

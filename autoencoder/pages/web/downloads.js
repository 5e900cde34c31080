"use strict";

/** Offer each drawing as SVG too. Its link takes the address of the image, which so stands in the file only once. */
function offerDrawings() {
  for (const figure of document.querySelectorAll("figure.drawn")) {
    const png = figure.querySelector("a[download]");
    const svg = element("a", "", "SVG");
    svg.download = png.download.replace(/\.png$/, ".svg");
    svg.href = figure.querySelector("img").src;
    png.after(" · ", svg);
  }
}

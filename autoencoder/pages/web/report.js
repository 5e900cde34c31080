"use strict";

for (const table of document.querySelectorAll("figure.table table")) makeSortable(table);
offerDrawings();
const content = JSON.parse(find("content").textContent);
if (content.trails.length && find("map")) new SpaceMap(content, find("map")).start();

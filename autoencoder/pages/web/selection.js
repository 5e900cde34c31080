"use strict";

const MOST_TILES = 60;
const TILE = { few: 92, some: 60, many: 40 }; // CSS pixels

/** What is known of the selected images, beside the plot. */
class SelectionPanel {
  constructor(explorer) {
    this.explorer = explorer;
    this.kind = 0; // of the pictures that are shown
    find("clear").addEventListener("click", () => explorer.select([], false));
    find("save").addEventListener("click", () => saveText(csvOf(explorer.content, explorer.chosen), SAVED_AS));
    const { kinds } = explorer.pictures;
    if (kinds.length > 1) find("picture-kinds").append(...kinds.map(({ name }, number) => this.kindChoice(name, number)));
  }

  kindChoice(name, number) {
    const label = element("label");
    const radio = element("input");
    Object.assign(radio, { type: "radio", name: "picture-kind", checked: number === 0 });
    radio.addEventListener("change", () => {
      this.kind = number;
      this.showTiles();
    });
    label.append(radio, element("span", "", name));
    return label;
  }

  show() {
    const { chosen, count, content, pictures } = this.explorer;
    const share = Number(((100 * chosen.length) / count).toPrecision(2));
    const title = chosen.length ? `${chosen.length.toLocaleString("en")} selected (${share} %)` : "Selection";
    find("selection-title").textContent = title;
    for (const id of ["save", "clear"]) find(id).hidden = chosen.length === 0;
    find("picture-kinds").hidden = chosen.length < 2;
    find("help").hidden = chosen.length > 0;
    find("statistics").replaceChildren();
    if (chosen.length === 1) find("statistics").append(detailsOf(content, pictures, chosen[0]));
    if (chosen.length > 1) find("statistics").append(statisticsOf(content, chosen));
    this.showTiles();
  }

  /** Pictures of several images, framed in the colours of their points. */
  showTiles() {
    const { chosen } = this.explorer;
    const shown = chosen.length > 1 ? shownOf(chosen) : [];
    const size = shown.length <= 12 ? TILE.few : shown.length <= 24 ? TILE.some : TILE.many;
    find("tiles").replaceChildren(...shown.map((i) => this.tile(i, size)));
    find("part").hidden = shown.length === 0 || shown.length === chosen.length;
    find("part").textContent = `${shown.length} of them are shown, spread evenly through the selection.`;
  }

  tile(i, size) {
    const { explorer } = this;
    const button = element("button");
    button.type = "button";
    button.style.borderColor = cssColor(explorer.colorOf(i));
    button.setAttribute("aria-label", `image in row ${explorer.content.rows[i]}`);
    button.append(explorer.pictures.canvas(this.kind, i, size));
    const look = () => explorer.hover(i, button.getBoundingClientRect());
    const leave = () => explorer.hover(null);
    button.addEventListener("pointerenter", look);
    button.addEventListener("focus", look);
    button.addEventListener("pointerleave", leave);
    button.addEventListener("blur", leave);
    button.addEventListener("click", () => {
      leave();
      explorer.select([i], false);
    });
    return button;
  }
}

/** Up to `MOST_TILES` of the chosen images, evenly through the selection: neighbours in a video are alike. */
function shownOf(chosen) {
  if (chosen.length <= MOST_TILES) return chosen;
  return Array.from({ length: MOST_TILES }, (_, k) => chosen[Math.floor((k * chosen.length) / MOST_TILES)]);
}

/** The card with one image's pictures and metadata that goes with the pointer. */
class Card {
  constructor(explorer, place) {
    this.explorer = explorer;
    this.place = place;
  }

  /** Fill the card; null hides it. */
  show(i) {
    const { content, pictures } = this.explorer;
    this.place.replaceChildren(...(i === null ? [] : [detailsOf(content, pictures, i)]));
    this.place.hidden = i === null;
  }

  /** Put the card beside `box`, to the right where there is room, and on the screen in any case. */
  moveBeside(box) {
    const { offsetWidth: width, offsetHeight: height, style } = this.place;
    const right = box.right + 18;
    style.left = `${right + width < innerWidth ? right : Math.max(4, box.left - width - 18)}px`;
    style.top = `${Math.max(4, Math.min(innerHeight - height - 4, box.top - height / 2))}px`;
  }
}

// Lists whose order is the reader's: rows are dragged by their handle, or moved with the arrow keys on it. Each row has a
// form ([data-move]) that says where it goes; without a script its buttons do.
(() => {
  "use strict";

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const itemsOf = (list) => all(":scope > [data-reorder-item]", list);
  const nameOf = (item) => one("[data-drag]", item).getAttribute("aria-label").replace(/^Move |: arrow keys$/g, "");
  let drag = null;
  let told = null;

  // The lists of the same card that the row may be in, in the order of the page.
  const listsFor = (list) =>
    all(`[data-reorder-list="${list.dataset.reorderList}"]`, list.closest("[data-reorder]"));

  function send(item, list, position) {
    const form = one("form[data-move]", item);
    form.elements.section.value = list.dataset.section;
    form.elements.position.value = position;
    const place = list.dataset.section === "after" ? "after our endpoints" : "before our endpoints";
    told = { handle: one("[data-drag]", item).id, text: `${nameOf(item)}: number ${position + 1}, ${place}.` };
    form.requestSubmit();
  }

  // --- Pointer: a line shows the place; the row stays where it is until it is let go.
  document.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest?.("[data-drag]");
    if (!handle || event.button !== 0) return;
    event.preventDefault();
    handle.focus();
    const item = handle.closest("[data-reorder-item]");
    const line = Object.assign(document.createElement("li"), { className: "reorder-line" });
    line.setAttribute("aria-hidden", "true");
    drag = { item, line, lists: listsFor(item.closest("[data-reorder-list]")) };
    item.classList.add("is-dragged");
    drag.lists.forEach((list) => list.classList.add("is-target"));
  });

  // The list whose edges are nearest, and the row of it that the pointer is above.
  function placeAt(y) {
    const distance = (list) => {
      const box = list.getBoundingClientRect();
      return Math.max(box.top - y, y - box.bottom, 0);
    };
    const list = drag.lists.reduce((best, other) => (distance(other) < distance(best) ? other : best));
    const next = itemsOf(list).find((row) => {
      const box = row.getBoundingClientRect();
      return y < box.top + box.height / 2;
    });
    return { list, next };
  }

  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const { list, next } = placeAt(event.clientY);
    list.insertBefore(drag.line, next ?? null);
  });

  function end(isDropped) {
    const { item, line, lists } = drag;
    drag = null;
    const list = line.parentElement;
    const before = list ? [...list.children].slice(0, [...list.children].indexOf(line)) : [];
    line.remove();
    item.classList.remove("is-dragged");
    lists.forEach((other) => other.classList.remove("is-target"));
    if (!isDropped || !list) return;
    const position = before.filter((row) => row !== item && row.matches("[data-reorder-item]")).length;
    const isSame = item.parentElement === list && itemsOf(list).indexOf(item) === position;
    if (!isSame) send(item, list, position);
  }

  document.addEventListener("pointerup", () => drag && end(true));
  document.addEventListener("pointercancel", () => drag && end(false));

  // --- Keyboard: one step up or down, over the border of a section too.
  function step(item, by) {
    const list = item.closest("[data-reorder-list]");
    const to = itemsOf(list).indexOf(item) + by;
    if (to >= 0 && to < itemsOf(list).length) return send(item, list, to);
    const lists = listsFor(list);
    const other = lists[lists.indexOf(list) + by];
    if (other) send(item, other, by > 0 ? 0 : itemsOf(other).length);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drag) return end(false);
    const handle = event.target.closest?.("[data-drag]");
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!handle || !by) return;
    event.preventDefault();
    step(handle.closest("[data-reorder-item]"), by);
  });

  // The card came anew: the focus stays on the row that was moved, and its place is read out.
  document.addEventListener("htmx:afterSettle", () => {
    if (!told) return;
    one(`#${CSS.escape(told.handle)}`)?.focus();
    const status = one("[data-reorder-status]");
    if (status) status.textContent = told.text;
    told = null;
  });
})();

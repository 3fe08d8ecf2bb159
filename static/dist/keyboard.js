// The palette and the keyboard: ways to where links lead as well.
(() => {
  "use strict";

  const GO_WITHIN = 1200;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  const usesSingleKeys = document.documentElement.dataset.shortcuts !== "off";
  const palette = one("#palette");
  const input = one("#palette-input");
  const results = one("#palette-results");

  // --- The palette: the focus stays in its input, the chosen option is named to screen readers.
  const options = () => all("[role=option]", results);
  const chosen = () => one("[aria-selected=true]", results);

  function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function step(by) {
    const found = options();
    const at = found.indexOf(chosen());
    choose(found[(at + by + found.length) % found.length]);
  }

  function openPalette() {
    if (palette.open) return;
    all("dialog[open]").forEach((dialog) => dialog.close());
    one("#navigation:popover-open")?.hidePopover();
    input.value = "";
    palette.showModal();
    input.focus();
    input.dispatchEvent(new CustomEvent("load-choices"));
  }

  function followPalette(event) {
    const option = chosen();
    if (!option) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) window.open(option.href, "_blank", "noopener");
    else location.assign(option.href);
  }

  const PALETTE_KEYS = { ArrowDown: () => step(1), ArrowUp: () => step(-1) };

  palette.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && event.target === input) followPalette(event);
    const move = PALETTE_KEYS[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  });

  results.addEventListener("mousemove", (event) => {
    const option = event.target.closest?.("[role=option]");
    if (option && option !== chosen()) choose(option);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === results) choose(options()[0]);
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens-palette]");
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openPalette();
  });

  // --- Single keys: never while somebody types, and never with a modifier.
  let wentAt = 0;

  const isTyping = (element) => element?.matches("input, textarea, select, [contenteditable=true]");

  function go(key) {
    const link = all("[data-go]").find((candidate) => candidate.dataset.go === key);
    if (link) location.assign(link.href);
    return Boolean(link);
  }

  function singleKey(event) {
    const isGoing = performance.now() - wentAt < GO_WITHIN;
    wentAt = 0;
    if (isGoing && go(event.key)) return event.preventDefault();
    if (event.key === "g") wentAt = performance.now();
    if (event.key === "?") one("#shortcuts").showModal();
  }

  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return openPalette();
    }
    if (!usesSingleKeys || event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || one("dialog[open]")) return;
    singleKey(event);
  });

  if (isMac) all("[data-modifier]").forEach((element) => (element.textContent = "⌘"));
})();

// What a chart tells when one of its columns is pointed at, or reached with the arrow keys. The SVG holds the numbers.
(() => {
  "use strict";

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const zone = document.documentElement.dataset.times === "utc" ? "UTC" : undefined;
  const written = new Intl.DateTimeFormat(undefined, {
    month: "short", day: "numeric", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: zone,
    timeZoneName: "short",
  });

  // A UTC day is the same day wherever it is read.
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", year: "numeric", timeZone: "UTC" });

  const make = (tag, className, text = "") =>
    Object.assign(document.createElement(tag), { className, textContent: text });

  // The largest values of a column, with the names and colours of the legend.
  function linesOf(chart, hit) {
    const texts = hit.dataset.values.split("|");
    const zero = one(".chart-ticks span:last-child", chart).textContent;
    return all("[data-series]", chart)
      .map((entry, index) => [entry, texts[index]])
      .filter(([, text]) => text !== zero)
      .map(([entry, text]) => {
        const line = make("p", "chart-tip-line");
        line.append(one("svg", entry).cloneNode(true), make("span", "chart-tip-name", entry.textContent.trim()), make("span", "", text));
        return line;
      });
  }

  function show(chart, tip, column) {
    const hit = one(".chart-hit", column);
    all(".is-pointed", chart).forEach((other) => other.classList.remove("is-pointed"));
    column.classList.add("is-pointed");
    const head = make("p", "chart-tip-head");
    head.append(make("span", "", ("days" in chart.dataset ? day : written).format(new Date(hit.dataset.at))), make("strong", "", hit.dataset.told));
    tip.replaceChildren(head, ...linesOf(chart, hit));
    tip.hidden = false;
    const [plot, place] = [one("[data-plot]", chart).getBoundingClientRect(), hit.getBoundingClientRect()];
    const middle = place.left + place.width / 2 - plot.left;
    const isRight = middle > plot.width / 2;
    tip.style.left = isRight ? "auto" : `${middle + 12}px`;
    tip.style.right = isRight ? `${plot.width - middle + 12}px` : "auto";
  }

  function prepare(chart) {
    const plot = one("[data-plot]", chart);
    const columns = all("[data-column]", chart);
    if (chart.dataset.ready || !plot) return;
    chart.dataset.ready = "yes";
    const tip = make("div", "chart-tip");
    tip.hidden = true;
    tip.setAttribute("role", "status");
    plot.append(tip);
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", columns.some((column) => one("[data-href]", column)) ? "Chart: arrow keys tell its columns, Enter goes there" : "Chart: arrow keys tell its columns");
    let at = -1;
    const hide = () => {
      tip.hidden = true;
      all(".is-pointed", chart).forEach((column) => column.classList.remove("is-pointed"));
    };
    const move = (to) => {
      at = Math.min(Math.max(to, 0), columns.length - 1);
      if (columns[at]) show(chart, tip, columns[at]);
    };
    plot.addEventListener("pointermove", (event) => {
      const column = event.target.closest?.("[data-column]");
      if (column && columns[at] !== column) move(columns.indexOf(column));
      else if (column) tip.hidden = false;
    });
    const follow = (column) => {
      const href = one(".chart-hit", column)?.dataset.href;
      if (href) location.assign(href);
    };
    plot.addEventListener("click", (event) => {
      const column = event.target.closest?.("[data-column]");
      if (!column) return;
      const isTold = columns[at] === column;
      if (event.pointerType === "touch" && !isTold) move(columns.indexOf(column));
      else follow(column);
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at < 0 ? columns.length - 1 : at - 1, Home: 0, End: columns.length - 1 }[event.key];
      if (event.key === "Escape") hide();
      if (event.key === "Enter" && columns[at]) follow(columns[at]);
      if (to === undefined) return;
      event.preventDefault();
      move(to);
    });
  }

  const prepareAll = () => all("[data-chart]").forEach(prepare);
  document.addEventListener("DOMContentLoaded", prepareAll);
  document.addEventListener("htmx:afterSwap", prepareAll);
})();

// The dashboard's script: everything works without it, a little less comfortably.
(() => {
  "use strict";

  const YEAR = 365 * 24 * 3600;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Times: the server writes UTC, the reader sees his own zone and finds UTC in the tooltip.
  // Whoever prefers UTC sees it, and his own zone in the tooltip.
  const isUtc = document.documentElement.dataset.times === "utc";
  const clock = { hour: "2-digit", minute: "2-digit" };
  const day = { month: "short", day: "numeric" };
  const format = (how, timeZone) => new Intl.DateTimeFormat(undefined, { ...how, timeZone });
  const shownZone = isUtc ? "UTC" : undefined;
  const sameDay = format({ ...clock, second: "2-digit" }, shownZone);
  const otherDay = format({ ...day, ...clock }, shownZone);
  const otherYear = format({ ...day, year: "numeric" }, shownZone);
  const dayOf = format({ ...day, year: "numeric" }, shownZone);
  const whole = format({ ...day, ...clock, year: "numeric", second: "2-digit", timeZoneName: "short" });

  function writeTime(element) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime()) || element.dataset.written) return;
    const now = new Date();
    const isToday = dayOf.format(at) === dayOf.format(now);
    const isThisYear = at.getFullYear() === now.getFullYear();
    element.textContent = (isToday ? sameDay : isThisYear ? otherDay : otherYear).format(at);
    if (isUtc) [element.textContent, element.title] = [`${element.textContent} UTC`, whole.format(at)];
    element.dataset.written = "yes";
  }

  const writeTimes = (root) => all("time[datetime]", root).forEach(writeTime);

  // --- The look: a cookie, so that the server writes it into the page and nothing flashes.
  function chooseTheme(theme) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `headgate_theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    all("[data-choose-theme]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.chooseTheme === theme));
    });
  }

  // --- Copying
  function announce(text) {
    const region = one("#announcements");
    if (region) region.textContent = text;
  }

  // A toast like the server's: its region is read out, and it leaves by itself unless it warns.
  const LINGER = 6000;

  function toast(text, isLasting = false) {
    const region = one("[data-toasts]");
    const shape = one("[data-toast-shape]");
    if (!region || !shape) return announce(text);
    const note = shape.content.firstElementChild.cloneNode(true);
    one("p", note).textContent = text;
    showToasts();
    region.append(note);
    if (!isLasting) leaveSoon(note);
  }

  // Above an open dialog, which is in the browser's top layer: the region is moved into it.
  function showToasts() {
    const region = one("[data-toasts]");
    const dialog = all("dialog[open]").pop();
    if (region && dialog && !dialog.contains(region)) dialog.append(region);
  }

  // What is pointed at or focused stays to be read.
  const leaveSoon = (note) =>
    setTimeout(() => (note.matches(":hover, :focus-within") ? leaveSoon(note) : note.remove()), LINGER);

  async function copy(button) {
    const source = one(button.dataset.copy);
    if (!source) return;
    const text = (source.value ?? source.textContent).trim();
    if (navigator.clipboard && window.isSecureContext) await navigator.clipboard.writeText(text);
    else copyBySelection(text, button);
    button.dataset.copied = "yes";
    announce("Copied");
    setTimeout(() => delete button.dataset.copied, 1600);
  }

  function copyBySelection(text, button) {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    button.parentElement.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }

  // --- Dialogs: htmx fills them, they open when filled and forget what they held when closed.
  function openFilled(target, path) {
    const dialog = target.closest("dialog");
    if (!dialog || !target.matches("[data-dialog-body]")) return;
    if (!dialog.open) dialog.showModal();
    const heading = one("h1, h2", target);
    if (heading) {
      heading.id ||= `${dialog.id}-heading`;
      dialog.setAttribute("aria-labelledby", heading.id);
    }
    one("[autofocus]", target)?.focus();
    if (target.matches("[data-has-address]")) history.pushState({ isDrawer: true }, "", path);
  }

  function forget(dialog) {
    const region = one("[data-toasts]", dialog);
    if (region) document.body.append(region);
    const body = one("[data-dialog-body]", dialog);
    if (!body) return;
    const needsReload = one("[data-reload-on-close]", body);
    body.replaceChildren();
    if (needsReload) location.reload();
    else if (history.state?.isDrawer) history.back();
  }

  const holdsSecret = (dialog) => one("[data-reload-on-close]", dialog) !== null;

  window.addEventListener("popstate", () => {
    if (!history.state?.isDrawer) all("dialog[open]").forEach((dialog) => dialog.close());
  });

  // --- Menus are <details>: one open at a time, closed by Escape and by a click elsewhere.
  const closeMenus = (but) =>
    all("details[data-menu][open]").forEach((menu) => {
      if (menu !== but) menu.open = false;
    });

  document.addEventListener("click", (event) => {
    const target = event.target;
    if (!(target instanceof Element)) return;
    closeMenus(target.closest("details[data-menu]"));
    const copier = target.closest("[data-copy]");
    if (copier) copy(copier);
    target.closest("[data-dismiss]")?.parentElement.remove();
    const opener = target.closest("[data-opens]");
    if (opener) one(opener.dataset.opens)?.showModal();
    if (target.closest("[data-print]")) window.print();
    const theme = target.closest("[data-choose-theme]");
    if (theme) chooseTheme(theme.dataset.chooseTheme);
    const dialog = target.closest("dialog");
    if (dialog && target.closest("[data-close]")) {
      event.preventDefault();
      dialog.close();
    } else if (dialog === target && !holdsSecret(dialog)) dialog.close();
  });

  // Opening in a new tab stays what it is, also where htmx would fill a dialog.
  document.addEventListener("click", (event) => {
    const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    if (isElsewhere && event.target.closest?.("a[hx-get]")) event.stopPropagation();
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.activeElement?.closest("details[data-menu][open]");
      closeMenus();
      if (menu) one("summary", menu).focus();
    }
    const isTyping = document.activeElement?.matches("input, textarea, select");
    const usesSingleKeys = document.documentElement.dataset.shortcuts !== "off";
    if (event.key === "/" && usesSingleKeys && !isTyping && !event.metaKey && !event.ctrlKey) {
      const search = one("main input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    }
  });

  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (menu instanceof HTMLDetailsElement && menu.open && menu.matches("[data-menu]")) {
      const search = one("input[type=search]", menu);
      search?.focus();
      search?.dispatchEvent(new CustomEvent("load-choices"));
    }
  }, true);

  // --- What cannot be undone asks for the name.
  document.addEventListener("input", (event) => {
    const input = event.target;
    const expected = input instanceof Element ? input.closest("form")?.dataset.expects : undefined;
    if (expected === undefined) return;
    one("[data-needs-name]", input.closest("form")).disabled = input.value.trim() !== expected.trim();
  });

  const awaitNames = (root) =>
    all("form[data-expects] [data-needs-name]", root).forEach((button) => (button.disabled = true));

  document.addEventListener("htmx:afterSwap", (event) => {
    awaitNames(event.detail.target);
    writeTimes(event.detail.target.parentElement ?? document);
    openFilled(event.detail.target, event.detail.pathInfo.requestPath);
  });

  // Filters apply as soon as they are chosen; one that says nothing has no place in the address.
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-filters]");
    if (form) form.requestSubmit();
  });

  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[data-filters]")) return;
    for (const [name, value] of [...event.formData.entries()]) if (value === "") event.formData.delete(name);
  });

  const REFUSED = { 403: "You may not do that here.", 404: "That is not here any more. Reload the page.", 429: "Too many at once. Wait a moment." };

  document.addEventListener("htmx:responseError", (event) => {
    toast(REFUSED[event.detail.xhr.status] ?? "That did not work. Reload the page and try again.");
  });
  // What an answer to htmx says: its header HX-Trigger holds {"toasts": {"toasts": [{text, is_lasting}]}}.
  document.addEventListener("toasts", (event) => {
    for (const { text, is_lasting: isLasting } of event.detail.toasts) toast(text, isLasting);
  });
  document.addEventListener("htmx:sendError", () => toast("The server cannot be reached."));

  document.addEventListener("DOMContentLoaded", () => {
    writeTimes(document);
    all("dialog").forEach((dialog) => {
      dialog.addEventListener("close", () => forget(dialog));
      dialog.addEventListener("cancel", (event) => holdsSecret(dialog) && event.preventDefault());
    });
    awaitNames(document);
    all("[data-leaves-soon]").forEach(leaveSoon);
  });
})();

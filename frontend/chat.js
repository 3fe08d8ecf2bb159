// The chat room's page. Conversations live in this browser (chat_history.js), answers come from the gateway
// (chat_wire.js, chat_run.js), and Markdown becomes nodes (chat_markdown.js).
(() => {
  "use strict";

  const { History, Wire, Refused, render, attachment, request, fresh, run, FUSION } = window.headgateChat;
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const page = one("#chat");
  if (!page) return;

  const room = JSON.parse(page.dataset.room);
  const wire = new Wire(room, one("[name=csrfmiddlewaretoken]", page).value);
  const ui = {
    messages: one("[data-messages]"), turns: one("[data-turns]"), empty: one("[data-empty]"), list: one("[data-list]"),
    text: one("#chat-text"), files: one("#chat-files"), attachments: one("[data-composer] [data-attachments]"),
    workspace: one("#chat-workspace"), modelName: one("[data-model-name]"), settings: one("[data-settings]"),
    send: one("[data-send]"), stop: one("[data-stop]"), tools: one("[data-tools]"), toolList: one("[data-tool-list]"),
    toolCount: one("[data-tool-count]"), fusion: one("[data-fusion]"), models: one("#chat-models"), modelList: one("#chat-model-list"),
    modelFind: one("#chat-model-find"), modelsNote: one("[data-models-note]"), find: one("#chat-find"),
  };
  const LAST = `headgate-chat-last-${room.member}`;
  const TOOL_NAMES = { web_search: "Search the web", web_fetch: "Read web pages", datetime: "Date and time" };
  const NO_SETTINGS = { preset: "", system: "", effort: "", temperature: "", top: "", most: "", panel: "", members: "" };

  let history;
  let conversation;
  let offer = { presets: [], tools: [], has_fusion: false, links: {}, default_model: "", workspace: { slug: "", name: "" } };
  let models = [];
  let loading = null;
  let attached = [];
  let workspace = room.workspace;
  const runs = new Map(); // by the conversation's id: {controller, answer, conversation}

  // --- Saying

  const announce = (text) => (one("#announcements").textContent = text);

  function toast(text) {
    document.dispatchEvent(new CustomEvent("toasts", { detail: { toasts: [{ text, is_lasting: true }] } }));
  }

  function ask({ heading, text = "", yes, no = "Cancel", isDangerous = false, name }) {
    const dialog = one("#chat-ask");
    one("#chat-ask-heading").textContent = heading;
    one("#chat-ask-text").textContent = text;
    one("[data-ask-yes]").textContent = yes;
    one("[data-ask-no]").textContent = no;
    one("[data-ask-yes]").classList.toggle("button-danger", isDangerous);
    one("[data-ask-yes]").classList.toggle("button-main", !isDangerous);
    one("[data-ask-field]").hidden = name === undefined;
    const field = one("#chat-ask-name");
    field.value = name ?? "";
    dialog.returnValue = "";
    dialog.showModal();
    if (name !== undefined) field.select();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? (name === undefined ? true : field.value.trim()) : null), { once: true });
    });
  }

  const clone = (id) => one(id).content.firstElementChild.cloneNode(true);

  function dollars(amount) {
    if (typeof amount !== "number") return "";
    if (amount === 0) return "$0";
    return amount < 0.01 ? `$${Number(amount.toPrecision(2)).toFixed(9).replace(/0+$/, "")}` : `$${amount.toFixed(4)}`;
  }

  function size(bytes) {
    return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  }

  // --- Conversations

  function begin() {
    let last = {};
    try {
      last = JSON.parse(localStorage.getItem(LAST) ?? "{}");
    } catch {
      // what cannot be read is as if nothing was kept
    }
    return {
      id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`,
      title: "",
      changedAt: Date.now(),
      model: last.model ?? "",
      tools: last.tools ?? [],
      isFusion: false,
      settings: { ...NO_SETTINGS },
      messages: [],
    };
  }

  async function save(which) {
    which.changedAt = Date.now();
    await history.put(which);
    localStorage.setItem(LAST, JSON.stringify({ model: conversation.model, tools: conversation.tools }));
  }

  async function open(which) {
    conversation = which;
    attached = [];
    drawAttachments();
    drawConversation();
    drawChoices();
    await drawList();
    one("#chat-history").hidePopover?.();
  }

  const titleOf = (which) => which.title || "New chat";

  async function drawList() {
    const sought = ui.find.value.trim().toLowerCase();
    const found = (await history.all()).filter((each) => !sought || matches(each, sought));
    ui.list.replaceChildren(...found.map((each) => {
      const entry = clone("#chat-conversation");
      const name = one("[data-open]", entry);
      name.textContent = titleOf(each);
      name.title = titleOf(each);
      if (each.id === conversation.id) name.setAttribute("aria-current", "true");
      if (runs.has(each.id)) name.append(" …");
      name.onclick = async () => open(runs.get(each.id)?.conversation ?? (await history.get(each.id)));
      one("[data-rename]", entry).setAttribute("aria-label", `Rename ${titleOf(each)}`);
      one("[data-rename]", entry).onclick = () => rename(each);
      one("[data-delete]", entry).setAttribute("aria-label", `Delete ${titleOf(each)}`);
      one("[data-delete]", entry).onclick = () => remove(each);
      return entry;
    }));
  }

  const matches = (each, sought) =>
    titleOf(each).toLowerCase().includes(sought) || each.messages.some((message) => message.text.toLowerCase().includes(sought));

  async function rename(each) {
    const name = await ask({ heading: "Rename the conversation", yes: "Rename", name: each.title });
    if (!name) return;
    const which = each.id === conversation.id ? conversation : (runs.get(each.id)?.conversation ?? each);
    which.title = name;
    await history.put(which);
    await drawList();
  }

  async function remove(each) {
    if (!(await ask({ heading: `Delete “${titleOf(each)}”?`, text: "It is kept in this browser only, so it cannot be brought back.", yes: "Delete", no: "Keep it", isDangerous: true }))) return;
    runs.get(each.id)?.controller.abort();
    runs.delete(each.id);
    await history.remove(each.id);
    if (each.id === conversation.id) await open(begin());
    else await drawList();
    announce("The conversation is deleted.");
  }

  async function clear() {
    if (!(await ask({ heading: "Delete all conversations?", text: "They are kept in this browser only, so they cannot be brought back. Answers that are on their way are stopped.", yes: "Delete all", no: "Keep them", isDangerous: true }))) return;
    for (const each of runs.values()) each.controller.abort();
    runs.clear();
    await history.clear();
    await open(begin());
    announce("All conversations are deleted.");
  }

  // --- Drawing a conversation

  function drawConversation() {
    ui.turns.replaceChildren(...conversation.messages.map((message, index) => (message.role === "user" ? mine(message, index) : theirs(message, index))));
    ui.empty.hidden = conversation.messages.length > 0;
    ui.messages.scrollTop = ui.messages.scrollHeight;
    drawSending();
  }

  function mine(message, index) {
    const turn = clone("#chat-mine");
    one("[data-body]", turn).textContent = message.text;
    one("[data-files]", turn).append(...(message.files ?? []).map((file) => shownFile(file)));
    one("[data-edit]", turn).onclick = () => edit(index);
    one("[data-copy-text]", turn).onclick = () => copy(message.text);
    return turn;
  }

  function theirs(answer, index) {
    const turn = clone("#chat-answer");
    one("[data-again]", turn).onclick = () => again(index);
    one("[data-copy-text]", turn).onclick = () => copy(answer.text);
    drawAnswer(turn, answer);
    return turn;
  }

  const nameOf = (slug) => models.find((model) => model.id === slug)?.name ?? (slug === FUSION ? "Fusion" : slug);

  function drawAnswer(turn, answer) {
    const isRunning = answer.status === "running";
    turn.setAttribute("aria-busy", String(isRunning));
    one("[data-who]", turn).textContent = nameOf(answer.model) || "Answer";
    drawSteps(one("[data-steps]", turn), answer);
    const thought = one("[data-thought]", turn);
    thought.hidden = !answer.thought;
    one("[data-thought-text]", turn).textContent = answer.thought;
    const body = one("[data-body]", turn);
    if (body.dataset.shown !== answer.text) {
      render(body, answer.text);
      body.dataset.shown = answer.text;
    }
    one("[data-sources]", turn).replaceChildren(...answer.sources.map(({ url, title }) => {
      const item = document.createElement("li");
      item.append(linkTo(url, title, true));
      return item;
    }));
    drawFigures(one("[data-figures]", turn), answer);
    drawError(turn, answer);
  }

  function linkTo(href, text, isOutside = false) {
    const link = Object.assign(document.createElement("a"), { href, textContent: text });
    if (isOutside) Object.assign(link, { target: "_blank", rel: "noopener noreferrer nofollow" });
    return link;
  }

  const STATES = { running: ["care", "Working"], done: ["good", "Done"], failed: ["bad", "Failed"] };

  function step(label, state, more) {
    const row = document.createElement("div");
    row.className = "chat-step";
    const name = document.createElement("span");
    if (more) {
      const details = document.createElement("details");
      const summary = Object.assign(document.createElement("summary"), { textContent: label });
      const inside = document.createElement("div");
      inside.className = "chat-prose muted";
      render(inside, more);
      details.append(summary, inside);
      name.append(details);
    } else name.textContent = label;
    const [tone, word] = STATES[state];
    const mark = Object.assign(document.createElement("span"), { className: `state state-${tone}`, textContent: word });
    row.append(name, mark);
    return row;
  }

  function drawSteps(into, answer) {
    const told = JSON.stringify([answer.steps, answer.panel?.members.map((each) => [each.model, each.state]), answer.panel?.analyst, answer.panel?.isAnalyzed, answer.status]);
    if (into.dataset.told === told) return;
    into.dataset.told = told;
    const rows = answer.steps.map((each) => step(each.label, each.state));
    if (answer.panel) {
      rows.push(...answer.panel.members.map((each) => step(nameOf(each.model), each.state, each.state === "running" ? "" : each.text)));
      if (answer.panel.analyst) rows.push(step(`Analysis by ${nameOf(answer.panel.analyst)}`, answer.panel.isAnalyzed ? "done" : answer.status === "running" && !answer.text ? "running" : answer.status === "running" || answer.status === "done" ? "failed" : "failed"));
    }
    into.replaceChildren(...rows);
  }

  function drawFigures(into, answer) {
    const said = [];
    if (answer.status === "running") said.push("Answering…");
    if (answer.status === "stopped") said.push("Stopped");
    if (answer.ending) said.push(answer.ending);
    if (answer.usage) {
      if (typeof answer.usage.cost === "number") said.push(dollars(answer.usage.cost));
      said.push(`${answer.usage.input} tokens in, ${answer.usage.output} out`);
    }
    if (answer.workspace && answer.workspace.slug !== workspace) said.push(`in ${answer.workspace.name}`);
    into.replaceChildren(said.join(" · "));
    if (answer.id && answer.status !== "running") into.append(said.length ? " · " : "", linkTo(`${room.logs}/${answer.id}`, "Log"));
  }

  // What to do about it, as [text, address].
  function remedy({ status, message }) {
    const { links } = offer;
    if (status === 401) return ["Reload the page and sign in again.", location.href];
    if (status === 402) return room.credits ? ["Add credits", room.credits] : ["Ask an administrator of the organization for credits.", ""];
    if (status === 403 && /budget/i.test(message)) return ["See the workspace's budgets", links.workspace_settings || room.logs];
    if (status === 403) return links.guardrails ? ["See the workspace's guardrails", links.guardrails] : ["Ask an administrator of the workspace about its guardrails.", ""];
    if (status === 404 || status === 400) return ["Choose another model, or change the settings of this conversation.", ""];
    if (status === 413) return ["Send fewer or smaller attachments.", ""];
    if (status === 429) return ["Wait a moment, then answer again.", ""];
    return ["Try it again.", ""];
  }

  // Which rule it was, where the gateway says so.
  function ruleOf({ metadata = {} }) {
    const named = metadata.patterns ?? metadata.labels ?? metadata.reasons;
    return Array.isArray(named) && named.length ? ` (${named.map((each) => (typeof each === "string" ? each : each.label ?? each.name ?? "")).filter(Boolean).join(", ")})` : "";
  }

  function drawError(turn, answer) {
    const note = one("[data-error]", turn);
    note.hidden = !answer.error;
    if (!answer.error) return;
    const wait = answer.error.retryAfter ? ` Try again in ${answer.error.retryAfter} seconds.` : "";
    one("[data-error-text]", note).textContent = `${answer.error.message}${ruleOf(answer.error)}${wait}`;
    const [text, address] = remedy(answer.error);
    const link = one("[data-error-link]", note);
    link.hidden = !address;
    if (address) [link.href, link.textContent] = [address, text];
    else one("[data-error-text]", note).textContent += ` ${text}`;
  }

  // --- Sending

  const active = () => runs.get(conversation.id);

  function drawSending() {
    ui.stop.hidden = !active();
    ui.send.hidden = Boolean(active());
  }

  async function send(event) {
    event?.preventDefault();
    const text = ui.text.value.trim();
    if (active() || (!text && !attached.length) || !isReady()) return;
    conversation.messages.push({ role: "user", text, files: attached });
    conversation.title ||= titled(text || attached[0].name);
    ui.text.value = "";
    attached = [];
    drawAttachments();
    await answerNow();
  }

  // What a conversation is called until somebody renames it: its first line, without Markdown's signs.
  const titled = (text) => text.split("\n")[0].replace(/^[#>*\-`\s]+/, "").slice(0, 80) || "Chat";

  function isReady() {
    if (!workspace) {
      toast("Choose a workspace first.");
      ui.workspace.focus();
    } else if (!conversation.model && !conversation.isFusion && !conversation.settings.preset) pick();
    else return true;
    return false;
  }

  async function again(index) {
    if (active() || !isReady()) return;
    conversation.messages.length = index;
    await answerNow();
  }

  async function edit(index) {
    if (active()) return;
    const [message] = conversation.messages.splice(index);
    ui.text.value = message.text;
    attached = message.files ?? [];
    drawAttachments();
    drawConversation();
    ui.text.focus();
    await save(conversation);
  }

  async function answerNow() {
    const which = conversation;
    const place = offer.workspace;
    const body = request(which, which.messages);
    const answer = fresh(which, place);
    const controller = new AbortController();
    which.messages.push(answer);
    const mark = { controller, answer, conversation: which };
    runs.set(which.id, mark);
    drawConversation();
    announce("Answering");
    await save(which);
    await drawList();
    await run({ wire, workspace: place.slug, body, answer, signal: controller.signal, changed: () => redraw(which, answer) });
    if (runs.get(which.id) === mark) {
      runs.delete(which.id);
      await save(which);
    }
    if (which === conversation) drawConversation();
    await drawList();
    announce(spoken(answer));
  }

  function spoken(answer) {
    if (answer.status === "failed") return `No answer: ${answer.error.message}`;
    return answer.status === "stopped" ? "Stopped" : `Answer: ${answer.text.slice(0, 1000)}`;
  }

  let isDue = false;
  let notBefore = 0;

  // At most once a frame, and less often where drawing takes long: a fifth of the time is for drawing.
  function redraw(which, answer) {
    if (isDue || which !== conversation) return;
    isDue = true;
    const wait = Math.max(0, notBefore - performance.now());
    if (wait > 16) setTimeout(() => drawDue(which, answer), wait);
    else requestAnimationFrame(() => drawDue(which, answer));
  }

  function drawDue(which, answer) {
    const began = performance.now();
    isDue = false;
    if (which !== conversation) return;
    const isAtEnd = ui.messages.scrollHeight - ui.messages.scrollTop - ui.messages.clientHeight < 80;
    const turn = ui.turns.children[which.messages.indexOf(answer)];
    if (turn) drawAnswer(turn, answer);
    if (isAtEnd) ui.messages.scrollTop = ui.messages.scrollHeight;
    notBefore = performance.now() + 4 * (performance.now() - began);
  }

  const stop = () => active()?.controller.abort();

  // --- Attachments

  function shownFile(file, drop) {
    const item = clone("#chat-file");
    one("[data-name]", item).textContent = file.name;
    one("[data-size]", item).textContent = size(file.size);
    const button = one("[data-drop]", item);
    if (drop) {
      button.setAttribute("aria-label", `Leave out ${file.name}`);
      button.onclick = drop;
    } else button.remove();
    return item;
  }

  function drawAttachments() {
    ui.attachments.replaceChildren(...attached.map((file) => shownFile(file, () => {
      attached = attached.filter((other) => other !== file);
      drawAttachments();
      ui.text.focus();
    })));
  }

  async function attach(files) {
    for (const file of files) {
      try {
        attached = [...attached, await attachment(file, attached)];
      } catch (error) {
        toast(error.message);
      }
    }
    drawAttachments();
  }

  // --- Choosing: the workspace, the model, tools, settings

  async function enter(slug, isChosen = false) {
    offer = await wire.enter(slug, { isChosen });
    [models, loading, workspace] = [[], null, slug];
    conversation.model ||= conversation.settings.preset ? "" : offer.default_model;
    conversation.tools = conversation.tools.filter((slug) => offer.tools.includes(slug));
    drawChoices();
    drawConversation();
  }

  // The models are asked for when somebody begins to use the page.
  function loadModels() {
    if (!workspace || offer.workspace.slug !== workspace) return null;
    loading ??= wire.models(workspace).then(
      (found) => {
        models = found;
        if (conversation.model && !models.some((model) => model.id === conversation.model)) conversation.model = "";
        drawChoices();
        if (ui.models.open) drawModels();
      },
      (error) => {
        loading = null;
        toast(error.message);
      },
    );
    return loading;
  }

  async function switchTo(slug) {
    const others = [...runs.values()].filter((each) => !each.answer.isFusion);
    const hasFusion = [...runs.values()].some((each) => each.answer.isFusion);
    if (others.length) {
      const goes = await ask({
        heading: "Stop the answer?",
        text: `An answer is still on its way. It is stopped when you switch the workspace${hasFusion ? "; Fusion goes on where it began" : ""}.`,
        yes: "Stop it and switch",
        no: "Stay here",
      });
      if (!goes) {
        ui.workspace.value = workspace;
        return;
      }
      for (const each of others) each.controller.abort();
    }
    try {
      await enter(slug, true);
      loadModels();
      announce(`The chat is in ${offer.workspace.name} now.`);
    } catch (error) {
      ui.workspace.value = workspace;
      toast(error.message);
    }
  }

  function drawChoices() {
    const { settings } = conversation;
    const preset = offer.presets.find((each) => each.slug === settings.preset);
    if (conversation.isFusion) ui.modelName.textContent = ["Fusion", nameOf(conversation.model)].filter(Boolean).join(" · ");
    else if (conversation.model) ui.modelName.textContent = nameOf(conversation.model);
    else ui.modelName.textContent = preset ? `Preset ${preset.name}` : "Choose a model";
    ui.fusion.setAttribute("aria-pressed", String(conversation.isFusion));
    ui.fusion.hidden = !offer.has_fusion;
    ui.tools.hidden = !offer.tools.length;
    ui.toolCount.textContent = conversation.tools.length ? ` · ${conversation.tools.length}` : "";
    ui.toolList.replaceChildren(...offer.tools.map((slug) => {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: conversation.tools.includes(slug) });
      box.onchange = () => {
        conversation.tools = box.checked ? [...conversation.tools, slug] : conversation.tools.filter((each) => each !== slug);
        ui.toolCount.textContent = conversation.tools.length ? ` · ${conversation.tools.length}` : "";
      };
      label.append(box, TOOL_NAMES[slug] ?? slug);
      return label;
    }));
    const choice = ui.settings.elements.preset;
    choice.replaceChildren(new Option("None", ""), ...offer.presets.map((each) => new Option(each.name, each.slug)));
    for (const name of Object.keys(NO_SETTINGS)) ui.settings.elements[name].value = settings[name] ?? "";
    if (choice.value !== settings.preset) choice.value = settings.preset = "";
  }

  function perMillion(text) {
    const amount = Number(text) * 1e6;
    return Number.isFinite(amount) ? `$${Number(amount.toPrecision(3))}` : "?";
  }

  const contextOf = (tokens) => (tokens >= 1e6 ? `${Math.round(tokens / 1e5) / 10}M` : tokens ? `${Math.round(tokens / 1000)}K` : "");

  function drawModels() {
    const words = ui.modelFind.value.trim().toLowerCase().split(/\s+/);
    const found = models.filter((model) => words.every((word) => `${model.id} ${model.name}`.toLowerCase().includes(word)));
    ui.modelsNote.textContent = !models.length && loading ? "Looking for models…" : models.length ? `${found.length} of ${models.length} models that you may use here. Prices for a million tokens, in and out.` : "No model can be used in this workspace.";
    ui.modelList.replaceChildren(...found.slice(0, 200).map((model) => {
      const entry = clone("#chat-model");
      const button = one("[data-choose]", entry);
      button.setAttribute("aria-pressed", String(model.id === conversation.model));
      one("[data-name]", entry).textContent = model.name;
      one("[data-slug]", entry).textContent = model.id;
      one("[data-price]", entry).textContent = [`${perMillion(model.pricing.prompt)} / ${perMillion(model.pricing.completion)}`, contextOf(model.context_length)].filter(Boolean).join(" · ");
      button.onclick = () => {
        conversation.model = model.id;
        ui.models.close();
        drawChoices();
        ui.text.focus();
      };
      return entry;
    }));
  }

  function pick() {
    ui.modelFind.value = "";
    loadModels();
    drawModels();
    ui.models.showModal();
    ui.modelFind.focus();
  }

  function keepSettings() {
    const before = conversation.settings.preset;
    for (const name of Object.keys(NO_SETTINGS)) conversation.settings[name] = ui.settings.elements[name].value.trim();
    if (conversation.settings.preset && conversation.settings.preset !== before) conversation.model = ""; // the preset's own
    drawChoices();
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      announce("Copied");
    } catch {
      toast("The browser does not let this page copy.");
    }
  }

  // --- Listening

  page.addEventListener("focusin", loadModels);
  one("[data-composer]").addEventListener("submit", send);
  ui.stop.addEventListener("click", stop);
  ui.text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  });
  ui.text.addEventListener("paste", (event) => event.clipboardData.files.length && attach(event.clipboardData.files));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && active() && !one("dialog[open]") && !one("details[data-menu][open]")) {
      event.preventDefault();
      stop();
      ui.text.focus();
    }
  });
  one("[data-attach]").addEventListener("click", () => ui.files.click());
  ui.files.addEventListener("change", async () => {
    await attach(ui.files.files);
    ui.files.value = "";
    ui.text.focus();
  });
  const composer = one("[data-composer]");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    composer.addEventListener(kind, (event) => {
      event.preventDefault();
      composer.classList.toggle("is-dropped-on", kind === "dragover");
      if (kind === "drop") attach(event.dataTransfer.files);
    });
  }
  all("[data-new]").forEach((button) => button.addEventListener("click", async () => {
    await open(begin());
    await enterQuietly();
    ui.text.focus();
  }));
  one("[data-clear]").addEventListener("click", clear);
  ui.find.addEventListener("input", drawList);
  ui.modelFind.addEventListener("input", drawModels);
  ui.modelFind.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      const first = one("button", ui.modelList);
      if (event.key === "Enter") first?.click();
      else first?.focus();
    }
  });
  ui.modelList.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = all("button", ui.modelList);
    (buttons[buttons.indexOf(document.activeElement) + step] ?? ui.modelFind).focus();
  });
  one("[data-pick]").addEventListener("click", pick);
  ui.fusion.addEventListener("click", () => {
    conversation.isFusion = !conversation.isFusion;
    drawChoices();
  });
  ui.workspace.addEventListener("change", () => ui.workspace.value && switchTo(ui.workspace.value));
  ui.settings.addEventListener("change", keepSettings);
  ui.turns.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy-code]");
    if (button) copy(one("code", button.closest("figure")).textContent);
  });
  window.addEventListener("beforeunload", (event) => runs.size && event.preventDefault());

  async function enterQuietly() {
    if (!workspace) return;
    if (offer.workspace.slug === workspace) {
      conversation.model ||= offer.default_model;
      return drawChoices();
    }
    try {
      await enter(workspace);
    } catch (error) {
      if (error instanceof Refused) toast(error.message);
      else throw error;
    }
  }

  (async () => {
    history = await History.of(room.member);
    if (!history.isLasting) one("[data-kept]").textContent = "This browser keeps nothing: conversations last as long as this page.";
    await open(begin());
    await enterQuietly();
    page.dataset.ready = "yes";
  })();
})();

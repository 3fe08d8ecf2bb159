// One answer: what is asked for it, and what becomes of it while its events come. An answer is a plain object that
// history can hold: {role, status, text, thought, steps, sources, panel, usage, id, model, workspace, error}.
(() => {
  "use strict";

  const FUSION = "openrouter/fusion";
  const MAX_BYTES = 20 * 1024 * 1024;
  const KINDS = [
    { kind: "image", matches: (file) => /^image\/(png|jpeg|webp|gif)$/.test(file.type), most: 8 * 1024 * 1024 },
    { kind: "pdf", matches: (file) => file.type === "application/pdf", most: 16 * 1024 * 1024 },
    { kind: "text", matches: (file) => /^text\/|json|xml|yaml|toml|sql|javascript|typescript/.test(file.type) || /\.(md|csv|log|py|ts|sql|toml|ya?ml|json|txt)$/i.test(file.name), most: 1024 * 1024 },
  ];

  // --- What is asked

  const read = (file, how) =>
    new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(reader.error);
      reader[how](file);
    });

  // A file as a message keeps it. Throws an Error that says what is wrong with it.
  async function attachment(file, already) {
    const sort = KINDS.find((one) => one.matches(file));
    if (!sort) throw new Error(`${file.name} is no image, PDF file or text.`);
    if (file.size > sort.most) throw new Error(`${file.name} is larger than ${sort.most >> 20} MB.`);
    const all = already.reduce((sum, one) => sum + one.size, file.size);
    if (all > MAX_BYTES) throw new Error(`All attachments together may have ${MAX_BYTES >> 20} MB.`);
    const data = await read(file, sort.kind === "text" ? "readAsText" : "readAsDataURL");
    return { kind: sort.kind, name: file.name, size: file.size, data };
  }

  function part(file) {
    if (file.kind === "image") return { type: "input_image", image_url: file.data, detail: "auto" };
    if (file.kind === "pdf") return { type: "input_file", filename: file.name, file_data: file.data };
    return { type: "input_text", text: `File ${file.name}:\n\n${file.data}` };
  }

  function turn(message) {
    if (message.role === "assistant") return { role: "assistant", content: message.text };
    const text = message.text ? [{ type: "input_text", text: message.text }] : [];
    return { role: "user", content: [...(message.files ?? []).map(part), ...text] };
  }

  const number = (text) => (text === "" || text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text));

  // Whoever turns Fusion on wants the panel asked; the chosen model compares what it says, and writes the answer.
  function fusion({ model, settings }) {
    const plugin = { id: "fusion" };
    if (settings.panel) plugin.preset = settings.panel;
    const named = (settings.members ?? "").split(/[\s,]+/).filter(Boolean);
    if (named.length) plugin.analysis_models = named;
    if (model) plugin.model = model;
    return { model: FUSION, plugins: [plugin], tool_choice: "required" };
  }

  // The request for the next answer of a conversation; `messages` end with what was asked.
  function request(conversation, messages) {
    const { settings } = conversation;
    const body = { input: messages.filter((one) => one.role === "user" || one.text).map(turn) };
    const hasPreset = Boolean(settings.preset);
    if (conversation.isFusion) Object.assign(body, fusion(conversation));
    else body.model = conversation.model || (hasPreset ? `@preset/${settings.preset}` : "");
    if (hasPreset && !body.model.startsWith("@")) body.preset = settings.preset;
    if (settings.system) body.instructions = settings.system;
    if (settings.effort) body.reasoning = { effort: settings.effort };
    const numbers = { temperature: settings.temperature, top_p: settings.top, max_output_tokens: settings.most };
    for (const [name, text] of Object.entries(numbers)) if (number(text) !== undefined) body[name] = number(text);
    if (conversation.tools.length && !conversation.isFusion) body.tools = conversation.tools.map((slug) => ({ type: `openrouter:${slug}` }));
    return body;
  }

  // --- What becomes of it

  const fresh = (conversation, workspace) => ({
    role: "assistant",
    status: "running",
    text: "",
    thought: "",
    steps: [],
    panel: null,
    sources: [],
    usage: null,
    id: "",
    model: conversation.isFusion ? FUSION : conversation.model,
    workspace,
    isFusion: conversation.isFusion,
    error: null,
  });

  const TOOLS = { web_search: "Searched the web", web_fetch: "Read a page", datetime: "Looked at the clock", fusion: "Asked a panel" };

  const slugOf = (item) => /^openrouter:(?:experimental__)?(.+)$/.exec(item.type)?.[1];

  function about(item) {
    const said = item.action?.query ?? item.query ?? item.url ?? item.action?.url ?? "";
    const name = TOOLS[slugOf(item)] ?? `Used ${slugOf(item)}`;
    return typeof said === "string" && said ? `${name}: ${said}` : name;
  }

  function cite(answer, note) {
    const found = note?.url_citation ?? note;
    const address = window.headgateChat.safeAddress(found?.url ?? "");
    if (address && !answer.sources.some((one) => one.url === address)) {
      answer.sources.push({ url: address, title: String(found.title || new URL(address).hostname) });
    }
  }

  function member(answer, event) {
    answer.panel ??= { members: [], analyst: "", isAnalyzed: false };
    let found = answer.panel.members.find((one) => one.model === event.model);
    if (!found) answer.panel.members.push((found = { model: event.model, state: "running", text: "" }));
    return found;
  }

  const FUSION_EVENTS = {
    "panel.added": (answer, event) => member(answer, event),
    "panel.delta": (answer, event) => (member(answer, event).text += event.delta ?? ""),
    "panel.completed": (answer, event) => Object.assign(member(answer, event), { state: "done", text: event.content ?? "" }),
    "panel.failed": (answer, event) => Object.assign(member(answer, event), { state: "failed", text: event.error ?? "" }),
    "analysis.in_progress": (answer, event) => {
      answer.panel ??= { members: [], isAnalyzed: false };
      answer.panel.analyst = event.analyst_model ?? event.judge_model ?? "";
    },
    "analysis.completed": (answer) => (answer.panel.isAnalyzed = true),
  };

  // Takes an event into the answer; `items` are the response's, by their index.
  function take(answer, event, items) {
    const kind = event.type.replace(/^response\./, "");
    const item = items[event.output_index];
    if (kind === "output_item.added" || kind === "output_item.done") {
      items[event.output_index] = event.item;
      noteItem(answer, event.item, event.output_index, kind.endsWith("done"));
    } else if (kind === "output_text.delta" && item?.type === "message") answer.text += event.delta;
    else if (kind === "refusal.delta") answer.text += event.delta;
    else if (kind.startsWith("reasoning") && kind.endsWith(".delta")) answer.thought += event.delta;
    else if (kind === "output_text.annotation.added") cite(answer, event.annotation);
    else if (kind.startsWith("fusion_call.")) FUSION_EVENTS[kind.slice("fusion_call.".length)]?.(answer, event);
    else if (event.response) noteResponse(answer, event.response, kind);
  }

  function noteItem(answer, item, index, isDone) {
    if (!slugOf(item)) return;
    const step = answer.steps.find((one) => one.index === index);
    const now = { index, slug: slugOf(item), label: about(item), state: !isDone ? "running" : item.status === "completed" ? "done" : "failed" };
    if (step) Object.assign(step, now);
    else answer.steps.push(now);
    for (const page of [item.sources, item.action?.sources].flat()) if (isDone && page?.url) cite(answer, page);
  }

  function noteResponse(answer, response, kind) {
    answer.id = response.id ?? answer.id;
    if (["completed", "incomplete", "failed"].includes(kind)) {
      answer.model = response.model ?? answer.model;
      if (response.usage) {
        const { cost, input_tokens: input, output_tokens: output } = response.usage;
        answer.usage = { cost, input, output };
      }
      for (const one of response.output ?? []) for (const piece of one.content ?? []) (piece.annotations ?? []).forEach((note) => cite(answer, note));
      answer.status = kind === "failed" ? "failed" : "done";
      if (kind === "incomplete") answer.ending = response.incomplete_details?.reason === "max_output_tokens" ? "It reached the most tokens that an answer may have." : "A content filter ended it.";
      if (kind === "failed") answer.error = { status: 502, message: response.error?.message ?? "The provider failed.", metadata: response.error?.metadata ?? {} };
    }
  }

  // Runs until the answer is complete, stopped or refused; calls `changed` after each event.
  async function run({ wire, workspace, body, answer, signal, changed }) {
    const items = {};
    try {
      for await (const event of wire.stream(workspace, body, signal)) {
        take(answer, event, items);
        changed();
      }
      if (answer.status === "running") throw new window.headgateChat.Refused(0, "The answer broke off.");
    } catch (error) {
      answer.status = error.name === "AbortError" ? "stopped" : "failed";
      if (error.name !== "AbortError") answer.error = { status: error.status ?? 0, message: error.message, metadata: error.metadata ?? {}, retryAfter: error.retryAfter ?? null };
    }
    for (const step of answer.steps) if (step.state === "running") step.state = "failed";
    for (const one of answer.panel?.members ?? []) if (one.state === "running") one.state = answer.status === "done" ? "done" : "failed";
    changed();
  }

  window.headgateChat = { ...window.headgateChat, FUSION, attachment, request, fresh, run };
})();

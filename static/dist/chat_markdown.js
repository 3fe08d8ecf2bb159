// Markdown of a model's answer as DOM nodes. Text becomes text nodes and nothing else: no HTML is ever parsed, pictures
// are links, and links lead to http, https and mailto alone.
(() => {
  "use strict";

  const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
  const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
  const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
  const QUOTE = /^ {0,3}> ?/;
  const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
  const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
  const DEEPEST = 8;
  // What is longer is text: nobody writes it, and looking for a pattern in it could take long.
  const LONGEST_LINE = 1000;
  const LONGEST_SPAN = 2000;
  const LONGEST = 300000;
  const matches = (pattern, line) => (line.length > LONGEST_LINE ? null : pattern.exec(line));

  // In the order in which they are tried at a place of a text.
  const INLINE = [
    [/^(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/, (found) => element("code", found[2].replace(/^ (.*) $/s, "$1"))],
    [/^!?\[((?:[^[\]\\]|\\.|\[[^[\]]*\])*)\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+"[^"]*")?\s*\)/, (found, depth) => link(found[2], found[1], depth)],
    [/^<((?:https?:\/\/|mailto:)[^\s<>]+)>/, (found, depth) => link(found[1], null, depth)],
    [/^https?:\/\/[^\s<>"'`]*[^\s<>"'`.,:;!?)\]}*_~]/, (found, depth) => link(found[0], null, depth)],
    [/^\*\*(?=\S)([\s\S]*?\S)\*\*(?!\*)/, (found, depth) => wrapped("strong", found[1], depth)],
    [/^__(?=\S)([\s\S]*?\S)__(?![\w_])/, (found, depth) => wrapped("strong", found[1], depth)],
    [/^~~(?=\S)([\s\S]*?\S)~~/, (found, depth) => wrapped("del", found[1], depth)],
    [/^\*(?=[^\s*])([\s\S]*?[^\s*])\*(?!\*)/, (found, depth) => wrapped("em", found[1], depth)],
    [/^_(?=[^\s_])([\s\S]*?[^\s_])_(?![\w_])/, (found, depth) => wrapped("em", found[1], depth)],
  ];
  const SPECIAL = /[`![<h*_~\\\n]/g;

  function element(name, text) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function wrapped(name, text, depth) {
    const made = element(name);
    inline(made, text, depth + 1);
    return made;
  }

  function safeAddress(text) {
    try {
      const address = new URL(text);
      return ["http:", "https:", "mailto:"].includes(address.protocol) ? address.href : null;
    } catch {
      return null;
    }
  }

  function link(target, text, depth) {
    const address = safeAddress(target);
    if (address === null) return text === null ? document.createTextNode(target) : wrapped("span", text, depth);
    const made = element("a");
    made.href = address;
    made.target = "_blank";
    made.rel = "noopener noreferrer nofollow";
    if (text) inline(made, text, DEEPEST); // no link within a link
    else made.textContent = target;
    return made;
  }

  function inline(into, text, depth = 0) {
    let plain = 0;
    let at = 0;
    const flush = (until) => until > plain && into.append(text.slice(plain, until));
    while (at < text.length) {
      SPECIAL.lastIndex = at;
      const special = SPECIAL.exec(text);
      if (!special) break;
      at = special.index;
      const taken = one(text, at, depth);
      if (taken === null) {
        at += 1;
        continue;
      }
      flush(at);
      into.append(taken.node);
      at += taken.length;
      plain = at;
    }
    flush(text.length);
  }

  function one(text, at, depth) {
    const sign = text[at];
    if (sign === "\\") return /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "") ? { node: text[at + 1], length: 2 } : null;
    if (sign === "\n") return { node: text[at - 1] === " " && text[at - 2] === " " ? element("br") : "\n", length: 1 };
    const isWithinWord = /\w/.test(text[at - 1] ?? "");
    if ((sign === "_" || sign === "h") && isWithinWord) return null;
    const rest = text.slice(at, at + LONGEST_SPAN);
    for (const [pattern, make] of INLINE) {
      if (depth >= DEEPEST && make.length > 1) continue;
      const found = pattern.exec(rest);
      if (found) return { node: make(found, depth), length: found[0].length };
    }
    return null;
  }

  const cells = (line) =>
    line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

  function code(lines, language) {
    const figure = element("figure");
    figure.className = "chat-code";
    const head = element("figcaption");
    head.append(element("span", language || "text"));
    const button = element("button", "Copy");
    button.type = "button";
    button.dataset.copyCode = "";
    button.setAttribute("aria-label", `Copy the ${language || "code"}`);
    head.append(button);
    const pre = element("pre");
    pre.tabIndex = 0; // long lines are scrolled by the keyboard
    pre.append(element("code", lines.join("\n")));
    figure.append(head, pre);
    return figure;
  }

  function table(lines) {
    const made = element("table");
    const head = made.createTHead().insertRow();
    const columns = cells(lines[0]);
    for (const text of columns) {
      const cell = element("th");
      cell.scope = "col";
      inline(cell, text);
      head.append(cell);
    }
    const body = made.createTBody();
    for (const line of lines.slice(2)) {
      const row = body.insertRow();
      for (const text of cells(line).slice(0, columns.length)) inline(row.insertCell(), text);
    }
    const frame = element("div");
    frame.className = "chat-table";
    frame.tabIndex = 0;
    frame.append(made);
    return frame;
  }

  function list(lines, depth) {
    const first = ITEM.exec(lines[0]);
    const isOrdered = /\d/.test(first[2]);
    const made = element(isOrdered ? "ol" : "ul");
    if (isOrdered) made.start = Number.parseInt(first[2], 10);
    const indent = first[1].length;
    let item = [];
    const close = () => {
      if (!item.length) return;
      const entry = element("li");
      blocks(entry, item, depth + 1, true);
      made.append(entry);
    };
    for (const line of lines) {
      const found = ITEM.exec(line);
      if (found && found[1].length <= indent + 1) {
        close();
        item = [found[3]];
      } else item.push(line.slice(Math.min(line.length - line.trimStart().length, indent + first[2].length + 1)));
    }
    close();
    return made;
  }

  const startsBlock = (line) => matches(FENCE, line) || matches(HEADING, line) || matches(RULE, line) || QUOTE.test(line) || ITEM.test(line);

  function blocks(into, lines, depth = 0, isTight = false) {
    let at = 0;
    const takeWhile = (holds) => {
      const from = at;
      while (at < lines.length && holds(lines[at], at - from)) at += 1;
      return lines.slice(from, at);
    };
    while (at < lines.length) {
      const line = lines[at];
      const fence = matches(FENCE, line);
      const heading = matches(HEADING, line);
      if (!line.trim()) at += 1;
      else if (fence) {
        at += 1;
        const inside = takeWhile((next) => !next.trim().startsWith(fence[1]) || next.trim() !== fence[1][0].repeat(next.trim().length));
        at += 1;
        into.append(code(inside, fence[2]));
      } else if (heading) {
        at += 1;
        into.append(wrapped(`h${Math.min(6, heading[1].length + 2)}`, heading[2], 0));
      } else if (matches(RULE, line)) {
        at += 1;
        into.append(element("hr"));
      } else if (QUOTE.test(line) && depth < DEEPEST) {
        const quote = element("blockquote");
        blocks(quote, takeWhile((next) => QUOTE.test(next)).map((next) => next.replace(QUOTE, "")), depth + 1);
        into.append(quote);
      } else if (ITEM.test(line) && depth < DEEPEST) {
        const isOrdered = /\d/.test(ITEM.exec(line)[2]);
        const indent = ITEM.exec(line)[1].length;
        into.append(list(takeWhile((next, number) => {
          if (!number) return true;
          const item = ITEM.exec(next);
          if (item) return item[1].length > indent + 1 || /\d/.test(item[2]) === isOrdered;
          const following = next.trim() ? next : lines[at + 1] ?? "";
          return (!next.trim() && ITEM.test(following)) || /^\s{2,}\S/.test(following) || (next.trim() && lines[at - 1].trim() && !startsBlock(next));
        }), depth));
      } else if (line.includes("|") && matches(TABLE_RULE, lines[at + 1] ?? "") && lines[at + 1].includes("-")) {
        into.append(table(takeWhile((next) => next.includes("|"))));
      } else {
        const text = takeWhile((next, number) => next.trim() && (!number || !startsBlock(next))).join("\n");
        if (isTight && !into.childNodes.length) inline(into, text);
        else into.append(wrapped("p", text, 0));
      }
    }
  }

  function render(into, text) {
    into.replaceChildren();
    if (text.length > LONGEST) return into.append(element("p", text));
    blocks(into, text.replace(/\r\n?/g, "\n").split("\n"));
  }

  window.headgateChat = { ...window.headgateChat, render, safeAddress };
})();

/* The practice page. Everything that came from outside is put on the page as text, never as markup. */
"use strict";

const $ = (id) => document.getElementById(id);

/** A DOM element: `h("button", {class: "x", onclick: f, "aria-label": "y"}, child, "text", …)`. */
function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function drawing(box, ...shapes) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", box);
  svg.setAttribute("aria-hidden", "true");
  for (const [name, attributes] of shapes) {
    const shape = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    svg.append(shape);
  }
  return svg;
}

const logo = () => {
  const svg = drawing("0 0 32 32", ["rect", { width: 32, height: 32, rx: 8 }], ["path", { d: "M5 17h6l3-8 4 14 3-6h6" }]);
  svg.classList.add("logo");
  return svg;
};
const lockSign = () => drawing("0 0 20 20", ["rect", { x: 4, y: 9, width: 12, height: 8, rx: 2 }], ["path", { d: "M7 9V6.5a3 3 0 0 1 6 0V9" }]);
const houseSign = () => drawing("0 0 20 20", ["path", { d: "M3 10l7-6 7 6M5 9v8h10V9" }]);

/* ------------------------------------------------------------------ what is known */

const S = {
  data: null, viewer: sessionStorage.getItem("viewer") || "", active: null, thread: null,
  mode: "slack", unread: {}, stream: null, held: null, opener: null, buttons: new Map(), sorted: new Map(),
};

const person = (id) => S.data.people.find((one) => one.id === id);
const channelOf = (id) => S.data.channels.find((one) => one.id === id);
const isReply = (m) => m.payload.thread_ts && m.payload.thread_ts !== m.payload.ts;
const inTalk = (m) => m.channel === S.active && (!isReply(m) || m.payload.subtype === "thread_broadcast");
const inThread = (m) => S.thread && m.channel === S.thread.channel && [m.payload.ts, m.payload.thread_ts].includes(S.thread.ts);
const repliesTo = (m) => S.data.messages.filter((one) => one.channel === m.channel && isReply(one) && one.payload.thread_ts === m.payload.ts);
const keyOf = (m) => `${m.channel}/${m.payload.ts}`;

/* ------------------------------------------------------------------ time: always with its offset */

function clock(ts) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: S.data.timezone, hour: "2-digit", minute: "2-digit", timeZoneName: "shortOffset" });
  return parts.format(new Date(Number(ts) * 1000)).replace("GMT", "UTC").replace("-", "−");
}
const hourOnly = (ts) => clock(ts).split(" ")[0];
const day = (ts) => new Intl.DateTimeFormat("en-GB", { timeZone: S.data.timezone, weekday: "long", day: "numeric", month: "long" }).format(new Date(Number(ts) * 1000));

/* ------------------------------------------------------------------ text: mrkdwn and plain, as nodes */

const GLYPHS = {
  "🛑": ["stop sign", ["path", { class: "fill-stop", d: "M7 1h10l6 6v10l-6 6H7l-6-6V7z" }], ["path", { class: "line", d: "M8 12h8" }]],
  "🔶": ["orange diamond", ["path", { class: "fill-warn", d: "M12 1l11 11-11 11L1 12z" }], ["path", { class: "line", d: "M12 7v6M12 16.6v.1" }]],
  "✅": ["check mark", ["rect", { class: "fill-ok", x: 1, y: 1, width: 22, height: 22, rx: 5 }], ["path", { class: "line", d: "M6.5 12.5l4 4 7-8.5" }]],
};
const EMOJI = {
  octagonal_sign: "🛑", large_orange_diamond: "🔶", white_check_mark: "✅", warning: "⚠️", x: "❌", eyes: "👀", bell: "🔔", memo: "📝",
  lock: "🔒", hourglass: "⌛", rotating_light: "🚨", information_source: "ℹ️", white_circle: "⚪", black_circle: "⚫", question: "❓",
};

const decode = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Text as nodes, with the three urgency signs drawn, so that they look alike on every machine. */
function words(text) {
  return text.split(/(🛑|🔶|✅)/u).filter(Boolean).map((part) => {
    if (!GLYPHS[part]) return document.createTextNode(decode(part));
    const [name, ...shapes] = GLYPHS[part];
    return h("span", { class: "glyph", role: "img", "aria-label": name }, drawing("0 0 24 24", ...shapes));
  });
}

const emojis = (text) => text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] || whole);
const plain = (text) => words(emojis(text || ""));

function angled(inside) {
  const [target, label] = inside.split("|");
  if (target.startsWith("@")) return h("span", { class: "mention" }, `@${decode(label || person(target.slice(1))?.name || target.slice(1))}`);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${decode(label || channelOf(target.slice(1))?.name || "private channel")}`);
  if (target.startsWith("!date^")) return document.createTextNode(decode(label || ""));
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${decode(label || target.slice(1).replace(/\^.*/, "")).replace(/^@/, "")}`);
  if (/^(https?:|mailto:)/i.test(target)) return h("a", { href: decode(target), target: "_blank", rel: "noopener noreferrer" }, ...words(label || target));
  return document.createTextNode(decode(`<${inside}>`));
}

const INLINE = /(<[^<>\n]+>)|(`[^`\n]+`)|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<![\w_])_([^_\n]+)_(?![\w_])|(?<![\w~])~([^~\n]+)~(?![\w~])/u;

function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return plain(text);
  const [whole, angle, code, bold, italic, struck] = found;
  const before = text.slice(0, found.index), after = text.slice(found.index + whole.length);
  const node = angle ? angled(angle.slice(1, -1)) : code ? h("code", {}, decode(code.slice(1, -1)))
    : h(bold ? "strong" : italic ? "em" : "s", {}, ...inline(bold || italic || struck));
  return [...plain(before), node, ...inline(after)];
}

function mrkdwn(text) {
  const nodes = [];
  for (const [index, part] of (text || "").split("```").entries()) {
    if (index % 2) { nodes.push(h("pre", {}, decode(part.replace(/^\n/, "")))); continue; }
    let quote = null;
    for (const [line, words_] of part.split("\n").entries()) {
      const quoted = /^(&gt;|>) ?/.exec(words_);
      if (quoted) {
        if (!quote) nodes.push(quote = h("blockquote"));
        else quote.append("\n");
        quote.append(...inline(words_.slice(quoted[0].length)));
        continue;
      }
      if (line && !quote) nodes.push(document.createTextNode("\n"));
      quote = null;
      nodes.push(...inline(words_));
    }
  }
  return nodes;
}

const textOf = (object) => !object ? [] : object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object.text);
const flat = (object) => emojis(decode(object?.text || ""));

/* ------------------------------------------------------------------ Block Kit */

const BLOCKS = {
  header: (b) => h("div", { class: "b-header", role: "heading", "aria-level": 3 }, ...textOf(b.text)),
  section: (b, at) => h("div", { class: "b-section" },
    h("div", { class: "b-text" }, ...textOf(b.text), ...(b.fields ? [h("div", { class: "b-fields" }, ...b.fields.map((f) => h("div", { class: "b-text" }, ...textOf(f))))] : [])),
    b.accessory ? element(b.accessory, b, at) : null),
  context: (b) => h("div", { class: "b-context" }, ...b.elements.map((e) => e.type === "image" ? picture(e) : h("span", {}, ...textOf(e)))),
  divider: () => h("hr", { class: "b-divider" }),
  actions: (b, at) => h("div", { class: "b-actions" }, ...b.elements.map((e) => element(e, b, at))),
  image: (b) => h("figure", { class: "b-image" }, b.title ? h("figcaption", { class: "meta" }, ...textOf(b.title)) : null, picture(b)),
  rich_text: (b) => h("div", { class: "b-text" }, ...b.elements.map(rich)),
  markdown: (b) => h("div", { class: "b-text" }, ...mrkdwn(b.text.replace(/\*\*([^*]+)\*\*/g, "*$1*"))),
  table: (b, at) => table(b, at),
  data_table: (b, at) => table(b, at),
  input: (b, at) => field(b, at),
  alert: (b) => h("p", { class: "b-unknown" }, ...textOf(b.text)),
};

function block(b, at) {
  try {
    const node = BLOCKS[b.type] ? BLOCKS[b.type](b, at) : unknown(b);
    node.dataset.block = b.type;
    return node;
  } catch (error) {
    console.error(error);
    return unknown(b);
  }
}
const unknown = (b) => h("div", { class: "b-unknown" }, `Block “${b.type}”: Slack draws this, the practice page does not. `, h("span", { class: "meta" }, b.title?.text || b.caption || b.alt_text || ""));

function picture(b) {
  const address = b.image_url || "";
  if (address.startsWith("data:image/") || address.startsWith(location.origin)) return h("img", { src: address, alt: b.alt_text });
  return h("span", { class: "b-unknown", role: "img", "aria-label": b.alt_text }, `Picture: ${b.alt_text || "no description"}`);
}

/** A shared file: a picture with its description below it, anything else as a line to download. */
function shared(file) {
  const address = `/page/file/${encodeURIComponent(file.id)}?as=${encodeURIComponent(S.viewer)}`;
  if (!/^image\/(png|jpeg|gif)$/.test(file.mimetype)) return h("p", { class: "b-file" }, h("a", { href: address, download: file.name }, file.title), h("span", { class: "meta" }, ` ${file.pretty_type} · ${Math.ceil(file.size / 1024)} kB`));
  return h("figure", { class: "b-image" }, h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, h("img", { src: address, alt: file.alt_txt || "" })),
    h("figcaption", { class: "meta" }, h("b", {}, file.title), file.alt_txt ? h("details", {}, h("summary", {}, "Described in words"), file.alt_txt) : " · no description"));
}

function rich(part) {
  if (part.type === "rich_text_list") return h(part.style === "ordered" ? "ol" : "ul", {}, ...part.elements.map((e) => h("li", {}, rich(e))));
  const name = { rich_text_preformatted: "pre", rich_text_quote: "blockquote" }[part.type] || "div";
  return h(name, {}, ...(part.elements || []).map(richElement));
}
function richElement(e) {
  if (e.type === "link") return angled(`${e.url}|${e.text || e.url}`);
  if (e.type === "user") return angled(`@${e.user_id}`);
  if (e.type === "channel") return angled(`#${e.channel_id}`);
  if (e.type === "usergroup") return angled(`!subteam|${e.usergroup_id}`);
  if (e.type === "broadcast") return angled(`!${e.range}`);
  if (e.type === "emoji") return h("span", {}, ...words(EMOJI[e.name] || `:${e.name}:`));
  const style = e.style || {};
  let node = h("span", {}, ...words(String(e.text ?? "")));
  for (const [on, name] of [[style.code, "code"], [style.strike, "s"], [style.italic, "em"], [style.bold, "strong"]]) if (on) node = h(name, {}, node);
  return node;
}

const cellText = (cell) => cell.type === "rich_text" ? BLOCKS.rich_text(cell).textContent : String(cell.text ?? cell.value ?? "");
const cellNodes = (cell) => cell.type === "rich_text" ? [BLOCKS.rich_text(cell)] : words(cellText(cell));

function table(b, at) {
  const key = `${at.key}/${b.block_id}`;
  const view = S.sorted.get(key) || { column: null, down: false, page: 0 };
  const [head, ...rows] = b.rows;
  const size = b.type === "data_table" ? b.page_size || 5 : rows.length || 1;
  const ordered = view.column === null ? rows : [...rows].sort((x, y) => cellText(x[view.column]).localeCompare(cellText(y[view.column]), "en", { numeric: true }) * (view.down ? -1 : 1));
  const shown = ordered.slice(view.page * size, (view.page + 1) * size);
  const align = (i) => b.column_settings?.[i]?.align || (rows.length && rows.every((r) => r[i]?.type === "raw_number") ? "right" : "left");
  const again = (change) => { S.sorted.set(key, { ...view, ...change }); redraw(at.message); };
  const title = (cell, i) => b.type !== "data_table" ? cellNodes(cell) : h("button", { type: "button", onclick: () => again({ column: i, down: view.column === i && !view.down, page: 0 }) }, ...cellNodes(cell), view.column === i ? (view.down ? " ↓" : " ↑") : "");
  const headRow = h("tr", {}, ...head.map((cell, i) => h("th", { scope: "col", class: align(i), "aria-sort": view.column === i ? (view.down ? "descending" : "ascending") : null }, title(cell, i))));
  const body = shown.map((row) => h("tr", {}, ...row.map((cell, i) => i === (b.row_header_column_index || 0) && b.type === "data_table" ? h("th", { scope: "row", class: align(i) }, ...cellNodes(cell)) : h("td", { class: align(i) }, ...cellNodes(cell)))));
  const box = h("div", { class: "table-box", role: "region", tabindex: 0, "aria-label": b.caption || "Table" },
    h("table", {}, b.caption ? h("caption", {}, ...words(b.caption)) : null, h("thead", {}, headRow), h("tbody", {}, ...body)));
  if (rows.length > size) {
    const last = Math.ceil(rows.length / size) - 1;
    box.append(h("div", { class: "pager meta" }, h("span", {}, `Showing ${view.page * size + 1}–${Math.min((view.page + 1) * size, rows.length)} of ${rows.length}`),
      h("button", { type: "button", class: "link", disabled: view.page === 0, onclick: () => again({ page: view.page - 1 }) }, "Previous"),
      h("button", { type: "button", class: "link", disabled: view.page === last, onclick: () => again({ page: view.page + 1 }) }, "Next")));
  }
  return box;
}

/* ------------------------------------------------------------------ elements that do something */

function element(e, b, at) {
  if (e.type === "button") return button(e, b, at);
  if (e.type === "overflow") return overflow(e, b, at);
  if (e.type === "image") return picture(e);
  if (e.options || e.option_groups) return choose(e, b, at);
  return h("span", { class: "b-unknown" }, `Element “${e.type}”`);
}

const SAID = { sending: "Sending…", done: "Done", answered: "See the note to you", refused: "Not taken" };

function button(e, b, at) {
  const key = `${at.key}/${b.block_id}/${e.action_id}`;
  const known = S.buttons.get(key) || { state: "idle" };
  const label = known.state === "idle" ? textOf(e.text) : [`${known.state === "done" ? "✓ " : known.state === "refused" ? "✕ " : ""}${known.label || SAID[known.state]}`];
  return h("button", {
    type: "button", class: `button ${e.style || ""}`, "data-state": known.state, "data-action": e.action_id, "aria-label": e.accessibility_label,
    "aria-busy": known.state === "sending" ? "true" : null, "aria-disabled": known.state === "sending" ? "true" : null,
    title: flat(e.text), onclick: () => known.state !== "sending" && confirmed(e, () => act(key, e, b, at, undefined)),
  }, ...label);
}

function overflow(e, b, at) {
  const list = h("ul", { role: "menu", hidden: true }, ...e.options.map((o) => h("li", { role: "none" },
    h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => { shut(); confirmed(e, () => act(`${at.key}/${b.block_id}/${e.action_id}`, e, b, at, o.value)); } }, ...textOf(o.text)))));
  const opener = h("button", { type: "button", class: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More actions", "data-action": e.action_id, onclick: () => (list.hidden ? show() : shut()) }, "⋯");
  const items = () => [...list.querySelectorAll("button")];
  const box = h("div", { class: "menu", onkeydown: keys, onfocusout: (event) => box.contains(event.relatedTarget) || shut(false) }, opener, list);
  function show() {
    list.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    box.classList.toggle("up", opener.getBoundingClientRect().bottom > innerHeight - 40 * e.options.length - 90);
    items()[0].focus();
  }
  function shut(back = true) {
    if (list.hidden) return;
    list.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (back) opener.focus();
    if (box.closest("[data-late]")) setTimeout(() => redraw(at.message), 150);
  }
  function keys(event) {
    const at_ = items().indexOf(document.activeElement), step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); shut(); }
    if (step && !list.hidden) { event.preventDefault(); items()[(at_ + step + items().length) % items().length].focus(); }
  }
  return box;
}

function options(e) {
  const one = (o) => h("option", { value: o.value }, flat(o.text));
  return e.option_groups ? e.option_groups.map((g) => h("optgroup", { label: flat(g.label) }, ...g.options.map(one))) : e.options.map(one);
}

function choose(e, b, at) {
  const first = e.placeholder || e.initial_option?.text;
  const select = h("select", { "data-action": e.action_id, "aria-label": flat(first) || "Choose", onchange: () => confirmed(e, () => act(`${at.key}/${b.block_id}/${e.action_id}`, e, b, at, select.value)) },
    h("option", { value: "", selected: true, disabled: true }, flat(first) || "Choose…"), ...options(e));
  return select;
}

async function confirmed(e, go) {
  if (!e.confirm) return go();
  const box = $("confirm"), from = document.activeElement;
  const done = (yes) => { box.close(); from?.focus(); if (yes) go(); };
  box.replaceChildren(h("header", { class: "pane-head" }, h("h2", { id: "confirm-title" }, ...textOf(e.confirm.title))),
    h("div", { class: "modal-body b-text" }, ...textOf(e.confirm.text)),
    h("footer", {}, h("button", { type: "button", class: "button", onclick: () => done(false) }, ...textOf(e.confirm.deny)),
      h("button", { type: "button", class: `button ${e.confirm.style === "danger" ? "danger" : "primary"}`, onclick: () => done(true) }, ...textOf(e.confirm.confirm))));
  box.showModal();
}

function setButton(key, at, value) {
  S.buttons.set(key, value);
  redraw(at.message);
}

async function act(key, e, b, at, value) {
  setButton(key, at, { state: "sending" });
  const edited = at.message?.payload.edited?.ts;
  const where = at.view ? ["press", { view: at.view.id }] : ["click", { channel: at.message.channel, ts: at.message.payload.ts, settle: 1 }];
  const answer = await post(where[0], { ...where[1], action_id: e.action_id, block: b.block_id, value });
  const now = at.message && S.data.messages.find((m) => keyOf(m) === at.key);
  const unchanged = now && now.payload.edited?.ts === edited;
  if (answer.error) setButton(key, at, { state: "refused", label: answer.error });
  else if (!answer.acked) setButton(key, at, { state: "refused", label: "No answer from DSMBot, nothing recorded" });
  else if (e.type === "button" && unchanged && answer.ephemeral.length) setButton(key, at, { state: "answered" });  // done or refused: the note says which
  else if (answer.view) setButton(key, at, { state: "idle" });  // a form is open: nothing is done yet
  else setButton(key, at, { state: "done" });
  setTimeout(() => { S.buttons.delete(key); redraw(at.message); }, answer.acked ? 2500 : 6000);
}

/* ------------------------------------------------------------------ messages */

function urgency(payload) {
  const first = payload.blocks?.[0];
  const begins = first?.type === "header" ? flat(first.text) : emojis(payload.text || "");
  return { "🛑": "stop", "🔶": "warn", "✅": "ok" }[[...begins][0]] || null;
}

function content(m, place) {
  const at = { message: m, key: keyOf(m), place };
  if (S.mode === "json") return [h("pre", { class: "json", tabindex: 0, "aria-label": "Payload" }, JSON.stringify(m.payload, null, 2))];
  const files = (m.payload.files || []).map(shared);
  if (!m.payload.blocks?.length) return [m.payload.text ? h("div", { class: "b-text" }, ...mrkdwn(m.payload.text)) : null, ...files].filter(Boolean);
  const nodes = [...m.payload.blocks.map((b) => block(b, at)), ...files];
  const sign = urgency(m.payload);
  return sign && m.payload.blocks[0].type === "header" ? [h("div", { class: "card body", "data-urgency": sign }, ...nodes)] : nodes;
}

function message(m, place) {
  const who = person(m.payload.user) || { name: m.payload.user };
  const count = place === "talk" && !isReply(m) ? repliesTo(m) : [];
  const head = h("div", { class: "said-by" }, h("b", {}, who.name), who.bot ? h("span", { class: "tag app" }, "App") : null,
    h("time", { class: "meta", datetime: new Date(Number(m.payload.ts) * 1000).toISOString() }, clock(m.payload.ts)),
    m.payload.edited ? h("span", { class: "meta", title: `edited ${clock(m.payload.edited.ts)}` }, "(edited)") : null,
    m.only_you ? h("span", { class: "meta only-you-note" }, "Only visible to you") : null,
    h("span", { class: "tag simulated" }, S.data.tag));
  const foot = [];
  if (m.payload.subtype === "thread_broadcast" && place === "talk") foot.push(h("button", { type: "button", class: "link", onclick: () => openThread(m.channel, m.payload.thread_ts) }, "Also in a thread · view"));
  if (count.length) foot.push(h("button", { type: "button", class: "link", onclick: () => openThread(m.channel, m.payload.ts) }, count.length === 1 ? "1 reply" : `${count.length} replies`), h("span", { class: "meta" }, `last ${clock(count.at(-1).payload.ts)}`));
  return h("article", { class: `message${m.only_you ? " only-you" : ""}`, tabindex: -1, "data-key": keyOf(m), "aria-label": `${who.name}, ${clock(m.payload.ts)}` },
    h("div", { class: "face", "aria-hidden": "true" }, who.bot ? logo() : initials(who.name)),
    h("div", { class: "body" }, head, ...content(m, place), foot.length ? h("div", { class: "foot-line" }, ...foot) : null));
}
const initials = (name) => name.split(" ").map((word) => word[0]).slice(0, 2).join("").toUpperCase();

function fill(log, messages, place) {
  const nodes = [];
  let last = "";
  for (const m of messages) {
    if (place !== "thread" && day(m.payload.ts) !== last) nodes.push(h("div", { class: "day", role: "separator" }, last = day(m.payload.ts)));
    nodes.push(message(m, place));
  }
  log.replaceChildren(...nodes);
}

/** Draw one message again wherever it stands, and leave the focus where it was. */
function redraw(m, tint = false) {
  if (!m) { if (S.data) { drawModal(); if (S.active === "home") drawTalk(); } return; }
  const now = S.data.messages.find((one) => keyOf(one) === keyOf(m));
  for (const old of document.querySelectorAll(`[data-key="${CSS.escape(keyOf(m))}"]`)) {
    if (!now) { old.remove(); continue; }
    if (old.querySelector("[role=menu]:not([hidden])")) { old.dataset.late = ""; continue; } // not from under a hand: when the menu shuts
    const inside = old.contains(document.activeElement) ? document.activeElement : null;
    const fresh = message(now, old.closest("#thread-log") ? "thread" : old.closest(".screen") ? "phone" : "talk");
    if (old.tabIndex === 0) fresh.tabIndex = 0;
    old.replaceWith(fresh);
    if (inside) (inside === old ? fresh : fresh.querySelector(`[data-action="${CSS.escape(inside.dataset.action || "")}"]`) || fresh).focus({ preventScroll: true });
    if (tint) { fresh.classList.add("edited-now"); setTimeout(() => fresh.classList.remove("edited-now"), 1000); }
  }
}

/* ------------------------------------------------------------------ panes */

function drawRail() {
  const item = (id, sign, name, extra = {}) => h("li", {}, h("button", { type: "button", class: S.unread[id] ? "unread" : "", "aria-current": S.active === id ? "true" : null, "data-channel": id, onclick: () => open(id), ...extra },
    h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "name" }, name), S.unread[id] ? h("span", { class: "count" }, String(S.unread[id]), h("span", { class: "sr" }, " new")) : null));
  const channels = S.data.channels.filter((c) => !c.im), direct = S.data.channels.filter((c) => c.im);
  const linked = S.data.connections > 0;
  $("rail").replaceChildren(
    h("section", {}, h("h2", {}, "Channels"), h("ul", {}, ...channels.map((c) => item(c.id, c.private ? lockSign() : "#", c.name, { "aria-label": `${c.private ? "private channel" : "channel"} ${c.name}${S.unread[c.id] ? `, ${S.unread[c.id]} new` : ""}` })))),
    h("section", {}, h("h2", {}, "DSMBot"), h("ul", {}, item("home", houseSign(), "Home"), ...direct.map((c) => item(c.id, "@", "Direct message")))),
    h("p", { class: "foot meta", role: "status" }, h("span", { "aria-hidden": "true" }, linked ? "●" : "○"), S.data.connections > 1 ? `${S.data.connections} processes share DSMBot's app` : linked ? "DSMBot is connected" : "DSMBot is not connected"));
}

function drawTop() {
  const hidden = S.data.hidden;
  $("band").textContent = S.data.mark;
  $("study").textContent = S.data.study;
  $("caption").replaceChildren(...plain(S.data.caption));
  $("hidden").textContent = hidden === 0 ? "sees every channel" : hidden === 1 ? "1 channel hidden" : `${hidden} channels hidden`;
  const people = S.data.people.filter((one) => !one.bot);
  $("you").replaceChildren(...people.map((one) => h("option", { value: one.id, selected: one.id === S.data.you }, one.name)));
  $("guide").hidden = !S.data.guide;
  $("guide").replaceChildren(...plain(S.data.guide));
  for (const one of document.querySelectorAll("[data-set-mode]")) one.setAttribute("aria-pressed", String(one.dataset.setMode === S.mode));
  document.body.dataset.mode = S.mode;
}

function drawTalk() {
  const channel = channelOf(S.active), log = $("log");
  const title = S.active === "home" ? "Home" : channel?.im ? "DSMBot" : `#${channel?.name || ""}`;
  $("talk-title").textContent = title;
  $("talk-meta").textContent = S.active === "home" ? "What DSMBot shows to you alone" : [channel?.purpose, channel?.im ? "" : `${channel?.members} people`].filter(Boolean).join(" · ");
  document.title = `${S.data.tag} · ${title} · DSMBot practice`;
  $("composer").hidden = S.active === "home" || S.mode === "phone";
  $("words").placeholder = `Message ${title}, or /safety status`;
  const messages = S.data.messages.filter(inTalk);
  if (S.active === "home") drawHome(log);
  else if (S.mode === "phone") drawPhones(log, messages);
  else if (!messages.length) log.replaceChildren(h("p", { class: "empty" }, "No messages yet. The first simulated record arrives in a few seconds."));
  else fill(log, messages, "talk");
  rove(log);
}

function drawHome(log) {
  const view = S.data.home, at = { view, key: view?.id || "home" };
  log.replaceChildren(view ? h("div", { class: "message" }, h("div", { class: "face", "aria-hidden": "true" }, logo()), h("div", { class: "body" }, ...view.blocks.map((b) => block(b, at))))
    : h("p", { class: "empty" }, "Nothing here yet. DSMBot fills this page for each person."));
}

function drawPhones(log, messages) {
  const notified = (m) => !m.only_you && person(m.payload.user)?.bot && (!isReply(m) || m.payload.subtype === "thread_broadcast");
  const last = S.data.messages.filter(notified).slice(-3).reverse();
  const newest = last[0]?.payload.ts;
  const notices = last.map((m) => h("div", { class: "notice" }, h("div", { class: "face" }, logo()), h("div", {},
    h("div", { class: "from meta" }, h("span", {}, channelOf(m.channel)?.im ? "DSMBot" : `DSMBot · #${channelOf(m.channel)?.name || ""}`), h("span", {}, clock(m.payload.ts))), h("p", {}, ...mrkdwn(m.payload.text || `shared ${m.payload.files?.[0]?.title || "a file"}`)))));
  const lock = h("figure", { class: "phone", "aria-label": "Lock screen" }, h("div", { class: "lock" },
    newest ? h("div", { class: "hour", "aria-hidden": "true" }, hourOnly(newest)) : null, newest ? h("div", { class: "date meta" }, day(newest)) : null,
    ...(notices.length ? notices : [h("p", { class: "empty" }, "No messages yet. The first simulated record arrives in a few seconds.")])),
  h("figcaption", { class: "meta" }, `${S.data.tag} · lock screen: the first words of “text”, all that a locked phone shows`));
  const screen = h("div", { class: "screen", tabindex: 0, role: "region", "aria-label": "Phone screen" }, h("p", { class: "bar" }, channelOf(S.active)?.im ? "DSMBot" : `#${channelOf(S.active)?.name || ""}`), ...messages.map((m) => message(m, "phone")));
  log.replaceChildren(h("div", { class: "phones" }, lock, h("figure", { class: "phone" }, screen, h("figcaption", { class: "meta" }, `${S.data.tag} · 390 px`))));
  screen.scrollTop = screen.scrollHeight;
}

function drawThread() {
  const pane = $("thread"), log = $("thread-log");
  pane.classList.toggle("open", Boolean(S.thread));
  if (!S.thread) {
    $("thread-title").textContent = "Thread";
    $("thread-meta").textContent = "";
    log.replaceChildren(h("p", { class: "empty" }, h("b", {}, "Nothing opened"), h("span", {}, "Evidence, updates and plots are in the thread of an alert: press t on a message.")));
    return;
  }
  const messages = S.data.messages.filter(inThread);
  $("thread-meta").textContent = `#${channelOf(S.thread.channel)?.name || ""}`;
  fill(log, messages, "thread");
  rove(log);
}

function drawService() {
  const time = $("time-note");
  for (const one of document.querySelectorAll("[data-speed]")) {
    one.disabled = !S.data.time_control;
    one.setAttribute("aria-pressed", String(S.data.time_control && Number(one.dataset.speed) === S.data.speed));
  }
  time.replaceChildren(...plain(S.data.time_control ? S.data.caption : "Time runs as on the wall: nothing simulated is running."));
  $("planned").replaceChildren(...(S.data.faults.length ? S.data.faults.map((f) => h("li", {}, `${f.kind.replaceAll("_", " ")}, ${f.count < 0 ? "until cleared" : `${f.count} more`}${f.channel ? ` in #${channelOf(f.channel)?.name || "another channel"}` : ""}`)) : [h("li", { class: "meta" }, "None")]));
  const where = $("fault-channel"), chosen = where.value;
  where.replaceChildren(h("option", { value: "" }, "Any channel"), ...S.data.channels.filter((c) => !c.im).map((c) => h("option", { value: c.id }, `#${c.name}`)));
  where.value = chosen;
}

function draw() {
  drawTop(); drawRail(); drawTalk(); drawThread(); drawModal(); drawService();
  $("log").scrollTop = S.mode === "phone" ? 0 : $("log").scrollHeight;
}

function open(id) {
  S.active = id;
  delete S.unread[id];
  S.thread = null;
  $("newer").hidden = true;
  document.body.dataset.pane = "talk";
  history.replaceState(null, "", `#${id}`);
  if (id === "home") post("home", {});
  draw();
}

function openThread(channel, ts) {
  S.opener = document.activeElement?.closest?.("[data-key]")?.dataset.key || `${channel}/${ts}`;
  if (S.mode === "phone") setMode("slack");
  S.thread = { channel, ts };
  document.body.dataset.pane = "thread";
  drawThread();
  $("thread-log").scrollTop = 0;
  ($("thread-log").querySelector(".message") || $("thread-close")).focus();
}

function closeThread() {
  S.thread = null;
  document.body.dataset.pane = "talk";
  drawThread();
  const back = S.opener && $("log").querySelector(`[data-key="${CSS.escape(S.opener)}"]`);
  if (back) focusMessage(back);
}

function setMode(mode) {
  S.mode = mode;
  if (mode === "phone") { S.thread = null; document.body.dataset.pane = "talk"; }
  draw();
}

/* ------------------------------------------------------------------ modals */

function field(b, at) {
  const e = b.element, id = `f-${b.block_id}-${e.action_id}`, wrong = at.errors?.[b.block_id];
  const common = { id, name: e.action_id, required: !b.optional, "aria-invalid": wrong ? "true" : null, "aria-describedby": wrong ? `${id}-wrong` : null };
  const many = e.type === "checkboxes" || e.type === "radio_buttons";
  const kinds = { email_text_input: "email", number_input: "number", datepicker: "date" };
  let input;
  if (many) input = h("div", { role: "group", "aria-label": flat(b.label) }, ...e.options.map((o) => h("label", { class: "choice" }, h("input", { type: e.type === "checkboxes" ? "checkbox" : "radio", name: e.action_id, value: o.value, checked: e.initial_option?.value === o.value }), h("span", {}, ...textOf(o.text)))));
  else if (e.options || e.option_groups) input = h("select", common, h("option", { value: "" }, flat(e.placeholder) || "Choose…"), ...options(e));
  else if (e.type === "users_select") input = h("select", common, h("option", { value: "" }, "Choose…"), ...S.data.people.filter((one) => !one.bot).map((one) => h("option", { value: one.id, selected: one.id === e.initial_user }, one.name)));
  else if (e.multiline) input = h("textarea", { ...common, maxlength: e.max_length || 3000, placeholder: flat(e.placeholder) }, e.initial_value || "");
  else input = h("input", { ...common, type: kinds[e.type] || "text", maxlength: e.max_length, placeholder: flat(e.placeholder), value: e.initial_value || e.initial_date, min: e.min_value, max: e.max_value, step: e.type === "number_input" && !e.is_decimal_allowed ? 1 : null });
  if (e.initial_option && !many) input.value = e.initial_option.value;
  return h("div", { class: "field" }, many ? h("span", { class: "label" }, ...textOf(b.label)) : h("label", { for: id }, ...textOf(b.label), b.optional ? h("span", { class: "meta" }, " (optional)") : null),
    input, b.hint ? h("span", { class: "meta" }, ...textOf(b.hint)) : null, wrong ? h("span", { class: "wrong", id: `${id}-wrong`, role: "alert" }, wrong) : null);
}

function drawModal(errors = null) {
  const box = $("modal"), view = S.data.view;
  if (!view) { if (box.open) { box.close(); S.modalOpener?.focus?.(); } box.dataset.hash = ""; return; }
  if (box.open && box.dataset.hash === view.hash && !errors) return;
  const typed = errors ? new FormData(box.querySelector("form")) : null;
  const at = { view, key: view.id, errors };
  const form = h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(form, view); } },
    h("header", { class: "pane-head" }, h("h2", { id: "modal-title", class: "pane-words" }, ...textOf(view.title)), h("span", { class: "tag simulated" }, S.data.tag)),
    h("div", { class: "modal-body" }, ...view.blocks.map((b) => block(b, at))),
    h("footer", {}, h("button", { type: "button", class: "button", onclick: dismiss }, ...(view.close ? textOf(view.close) : ["Cancel"])),
      view.submit ? h("button", { class: "button primary", "data-state": "idle" }, ...textOf(view.submit)) : null));
  if (typed) for (const [name, value] of typed) { const input = form.elements[name]; if (input && "value" in input) input.value = value; }
  box.dataset.hash = view.hash;
  box.replaceChildren(form);
  if (!box.open) { S.modalOpener = document.activeElement; box.showModal(); }
}

async function submit(form, view) {
  const values = {}, missing = {};
  for (const b of view.blocks.filter((one) => one.type === "input")) {
    const e = b.element, boxes = [...form.querySelectorAll(`[name="${CSS.escape(e.action_id)}"]`)];
    if (e.type === "checkboxes") values[e.action_id] = boxes.filter((one) => one.checked).map((one) => one.value);
    else values[e.action_id] = (e.type === "radio_buttons" ? boxes.find((one) => one.checked)?.value : boxes[0]?.value) || null;
    const empty = Array.isArray(values[e.action_id]) ? !values[e.action_id].length : values[e.action_id] === null;
    if (empty && !b.optional) missing[b.block_id] = "Please complete this field.";
  }
  if (Object.keys(missing).length) return drawModal(missing);
  const send = form.querySelector("button.primary");
  send.dataset.state = "sending";
  send.textContent = SAID.sending;
  const answer = await post("submit", { values });
  if (Object.keys(answer.errors || {}).length) drawModal(answer.errors);
  else if (answer.error || !answer.acked) { send.dataset.state = "refused"; send.textContent = answer.error || "No answer, nothing recorded"; }
}
const dismiss = () => post("close", {});
$("modal").addEventListener("cancel", (event) => { event.preventDefault(); dismiss(); });

/* ------------------------------------------------------------------ keyboard */

const listed = (log) => [...log.querySelectorAll(".message")];
function rove(log) {
  const all = listed(log);
  if (all.length && !all.some((one) => one.tabIndex === 0)) all.at(-1).tabIndex = 0;
}
function focusMessage(target) {
  for (const one of listed(target.closest(".log"))) one.tabIndex = -1;
  target.tabIndex = 0;
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}
function step(by) {
  const log = document.activeElement?.closest?.(".log") || $("log"), all = listed(log);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement?.closest?.(".message"));
  focusMessage(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by))]);
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog[open]");
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (S.thread) closeThread();
    else if (typing) event.target.blur();
    return;
  }
  if (typing || event.metaKey || event.ctrlKey || event.altKey || !S.data) return;
  if (event.key === "j" || event.key === "k") { event.preventDefault(); step(event.key === "j" ? 1 : -1); }
  if (event.key === "t") {
    const key = document.activeElement?.closest?.("[data-key]")?.dataset.key || listed($("log")).at(-1)?.dataset.key;
    const m = S.data.messages.find((one) => keyOf(one) === key);
    if (m && !m.only_you) { event.preventDefault(); openThread(m.channel, m.payload.thread_ts || m.payload.ts); }
  }
});

/* ------------------------------------------------------------------ server */

async function post(what, body) {
  try {
    const response = await fetch(`/page/do/${what}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ as: S.viewer, ...body }) });
    if (response.headers.get("content-type")?.includes("json")) return await response.json();
    return { error: await response.text() };
  } catch {
    return { error: "Not sent: no connection" };
  }
}

async function load() {
  const held = S.held = []; // what happens while the state is on its way comes after it
  let fresh = false;
  try {
    fresh = await fetched(S.viewer);
  } finally {
    if (S.held === held) S.held = null;
  }
  if (fresh) held.forEach(hear);
}

/** Take the state as one person has it; false when it is no longer wanted, because somebody else looks by now. */
async function fetched(asked) {
  const response = await fetch(`/page/state?as=${encodeURIComponent(asked)}`);
  if (S.viewer !== asked) return false;
  if (response.status === 403) { lost("This page has no session any more. Open the newest link from the terminal."); return false; }
  if (response.status === 404) { S.viewer = ""; sessionStorage.removeItem("viewer"); listen(); return false; }
  const state = await response.json();
  if (S.viewer !== asked) return false;
  S.data = state;
  S.viewer = S.data.you;
  if (S.active !== "home" && !channelOf(S.active)) S.active = S.data.channels[0]?.id || "home";
  if (S.thread && !channelOf(S.thread.channel)) S.thread = null;
  draw();
  return true;
}

function lost(text = "Reconnecting, nothing is lost") {
  $("offline").textContent = text;
  $("offline").hidden = false;
}

function listen() {
  S.stream?.close();
  const stream = S.stream = new EventSource(`/page/events?as=${encodeURIComponent(S.viewer)}`);
  let dropped = false;
  stream.onerror = () => { dropped = true; lost(); if (!S.data) load().catch(() => {}); if (stream.readyState === EventSource.CLOSED) setTimeout(() => S.stream === stream && listen(), 1500); };
  stream.onopen = async () => { await load(); if (dropped || !$("offline").hidden) { dropped = false; $("offline").hidden = true; } };
  stream.onmessage = (event) => { const change = JSON.parse(event.data); if ((S.data || S.held) && change.type) hear(change); };
}

function hear(change) {
  if (S.held) { S.held.push(change); return; }
  if (change.type === "message") return hearMessage(change);
  if (change.type === "view") { S.data.view = change.view; S.data.home = change.home; drawModal(); if (S.active === "home") drawTalk(); return; }
  if (change.service) { Object.assign(S.data, change.service); drawTop(); drawRail(); drawService(); }
}

function hearMessage({ kind, message: m }) {
  const all = S.data.messages, at = all.findIndex((one) => keyOf(one) === keyOf(m));
  if (kind === "deleted") { if (at >= 0) all.splice(at, 1); }
  else if (at >= 0) all[at] = m;
  else { all.push(m); all.sort((x, y) => (x.payload.ts < y.payload.ts ? -1 : 1)); }
  const inChannel = !isReply(m) || m.payload.subtype === "thread_broadcast"; // a reply in a thread makes no channel unread
  if (kind === "posted" && m.channel !== S.active) { if (inChannel) S.unread[m.channel] = (S.unread[m.channel] || 0) + 1; if (!channelOf(m.channel)) return load(); drawRail(); }
  if (kind === "posted") {
    if (/^(🛑|STOPPING RULE)/u.test(emojis(m.payload.text || ""))) $("loud").textContent = decode(m.payload.text);
    appear(m);
  } else redraw(m, kind === "changed");
  const parent = isReply(m) && all.find((one) => one.channel === m.channel && one.payload.ts === m.payload.thread_ts);
  if (parent) redraw(parent);
}

function appear(m) {
  if (S.mode === "phone") { if (m.channel === S.active) drawTalk(); return; }
  for (const [log, meant, place] of [[$("log"), inTalk(m), "talk"], [$("thread-log"), inThread(m), "thread"]]) {
    if (!meant) continue;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    log.querySelector(".empty")?.remove();
    const shown = listed(log), last = S.data.messages.findLast((one) => one !== m && one.channel === m.channel && one.payload.ts < m.payload.ts && (place === "thread" ? inThread(one) : inTalk(one)));
    if (place === "talk" && (!last || day(last.payload.ts) !== day(m.payload.ts))) log.append(h("div", { class: "day", role: "separator" }, day(m.payload.ts)));
    const node = message(m, place);
    node.classList.add("fresh");
    if (shown.length && m.payload.ts < shown.at(-1).dataset.key.split("/")[1]) { place === "talk" ? drawTalk() : drawThread(); continue; }
    log.append(node);
    rove(log);
    if (atEnd || m.only_you) log.scrollTop = log.scrollHeight;
    else if (place === "talk") $("newer").hidden = false;
  }
}

/* ------------------------------------------------------------------ faults */

const FAULTS = {
  accept_then_drop: ["Stored, then no answer", "The connection closes after the message is stored: DSMBot cannot know whether it arrived. One message must stay, not two."],
  commit_late: ["Appears 3 s too late", "A request still in flight: looking once too early would post twice.", { seconds: 3 }],
  delay: ["Answer 5 s late", "The message is there at once; the answer is late.", { seconds: 5 }],
  rate_limited: ["Too many requests (429)", "DSMBot is told to wait 3 s. The message waits its turn; it is never lost.", { seconds: 3 }],
  server_error: ["Server error (503)", "Nothing is stored.", { status: 503 }],
  stored_then_error: ["Stored, but called an error", "Slack says itself that such a call may have succeeded."],
  invalid_blocks: ["Layout refused (invalid_blocks)", "The words must arrive all the same."],
  history_unreadable: ["Channel cannot be read back", "Until cleared. A critical alert is sent again, marked as a possible duplicate."],
  redeliver_click: ["Next click comes twice", "It must count once."],
  redeliver_event: ["Next event comes twice", "It must count once."],
  socket_loss: ["Socket lost for 5 s", "DSMBot reconnects by itself.", { seconds: 5 }],
  second_connection: ["Second process on the app", "Clicks would be split between the two; operators are told."],
};
const AT_ONCE = ["socket_loss", "second_connection"];

function faultForm() {
  const kind = $("fault-kind");
  kind.replaceChildren(...Object.entries(FAULTS).map(([name, [title]]) => h("option", { value: name }, title)));
  const explain = () => { $("fault-note").textContent = FAULTS[kind.value][1]; };
  kind.addEventListener("change", explain);
  explain();
  $("faults").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target), name = form.get("kind");
    const count = name === "history_unreadable" ? -1 : Number(form.get("count") || 1);
    const answer = await post("fault", { kind: name, channel: form.get("channel"), count, ...FAULTS[name][2] });
    $("fault-result").textContent = answer.error || (AT_ONCE.includes(name) ? "Done." : "Planned. It strikes at the next message.");
  });
  $("faults-clear").addEventListener("click", () => post("clear_faults", {}));
}

/* ------------------------------------------------------------------ wiring */

async function send(input, thread) {
  const text = input.value.trim();
  if (!text) return;
  input.value = "";
  const command = /^(\/[a-z0-9_-]+)\s*(.*)$/is.exec(text);
  if (command && thread) return whisper("Commands do not run inside threads.");
  const answer = command ? await post("slash", { channel: S.active, command: command[1], text: command[2] })
    : await post("say", { channel: thread ? thread.channel : S.active, text, thread_ts: thread?.ts });
  if (answer.error) whisper(answer.error);
  else if (command && !answer.acked) whisper(`${command[1]} failed: DSMBot did not answer.`);
}
function whisper(text) {
  const log = S.thread && document.activeElement?.closest("#thread") ? $("thread-log") : $("log");
  log.append(h("p", { class: "day", role: "status" }, text));
  log.scrollTop = log.scrollHeight;
}

$("composer").addEventListener("submit", (event) => { event.preventDefault(); send($("words"), null); });
$("reply").addEventListener("submit", (event) => { event.preventDefault(); send($("reply-words"), S.thread); });
$("thread-close").addEventListener("click", closeThread);
$("to-rail").addEventListener("click", () => { document.body.dataset.pane = document.body.dataset.pane === "rail" ? "talk" : "rail"; });
$("you").addEventListener("change", () => { S.viewer = $("you").value; sessionStorage.setItem("viewer", S.viewer); S.unread = {}; listen(); });
$("newer").addEventListener("click", () => { $("log").scrollTop = $("log").scrollHeight; });
$("log").addEventListener("scroll", () => { if ($("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80) $("newer").hidden = true; });
$("drawer-open").addEventListener("click", () => { $("drawer").showModal(); });
$("drawer-close").addEventListener("click", () => { $("drawer").close(); });
$("drawer").addEventListener("close", () => { $("drawer-open").focus(); });
for (const one of document.querySelectorAll("[data-set-mode]")) one.addEventListener("click", () => setMode(one.dataset.setMode));
for (const one of document.querySelectorAll("[data-speed]")) one.addEventListener("click", () => post("time", { speed: Number(one.dataset.speed) }));

const [asked, askedTs] = location.hash.slice(1).split("/");
S.active = asked || null;
if (askedTs) S.thread = { channel: asked, ts: askedTs };
faultForm();
listen();

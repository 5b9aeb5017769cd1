// The chat page: one conversation with the crew, its tasks as they work, and what waits for a
// decision. It knows nothing that the HTTP interface does not tell, and it keeps only the
// conversation's id and what was typed.
//
// INVARIANT: text reaches the page through `shown` only, as text nodes. Nothing here parses HTML,
// and nothing from outside becomes an address that the browser loads by itself.

const $ = (id) => document.getElementById(id);
const ENDED = ["SUCCEEDED", "FAILED", "CANCELED", "TIMED_OUT"];
const STATE_WORDS = {
  QUEUED: "queued", RUNNING: "working", WAITING_APPROVAL: "waits for you", SUCCEEDED: "done",
  FAILED: "failed", CANCELED: "canceled", TIMED_OUT: "timed out",
};
const DECISION_WORDS = { APPROVE: "Approved", DENY: "Denied", EXPIRE: "Expired" };
// A browser opens six connections to a server; two are for output, so that two tabs get along.
const OUTPUT_STREAMS_MAX = 2;
const TAIL_CHARS_MAX = 4000;
const TAIL_LINES_MAX = 8;
const POLL_MS = 15_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];

// --- Text and elements --------------------------------------------------------------------------

// Control characters, and the invisible ones that reorder or hide what is read.
const ODD = /((?![\n\t])[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}])/u;

/** Text as nodes, with everything that would not be seen written out, such as \u{202e}. */
function shown(text) {
  const parts = text.split(ODD);
  return parts.map((part, index) => (index % 2 ? oddMark(part) : document.createTextNode(part)));
}

function oddMark(sign) {
  const code = sign.codePointAt(0).toString(16);
  return Object.assign(document.createElement("span"), { className: "odd", textContent: `\\u{${code}}` });
}

/** An element: `el("p.note", {title: "…"}, "text", other)`. */
function el(kind, props, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = Object.assign(document.createElement(tag), props);
  if (classes.length) element.className = classes.join(" ");
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  const present = children.flat(Infinity).filter((child) => child != null && child !== false);
  return present.flatMap((child) => (child instanceof Node ? [child] : shown(String(child))));
}

const fill = (element, ...children) => element.replaceChildren(...nodes(children));

function button(label, onclick, kind = "button") {
  return el(kind, { type: "button", onclick }, label);
}

/** A button that has to be pressed twice: the second press is the confirmation. */
function twice(label, question, act) {
  let timer = 0;
  const calm = () => { timer = 0; fill(self, label); };
  const self = button(label, () => {
    if (timer) { clearTimeout(timer); calm(); act(); return; }
    fill(self, question);
    timer = setTimeout(calm, 4000);
  });
  return self;
}

function copier(text) {
  const self = button("Copy", async () => {
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    fill(self, copied ? "Copied" : "Cannot copy");
    setTimeout(() => fill(self, "Copy"), 1500);
  }, "button.quiet.copy");
  return self;
}

const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function until(at) {
  const seconds = Math.round((Date.parse(at) - Date.now()) / 1000);
  if (seconds <= 0) return "now";
  return seconds < 120 ? `in ${seconds} s` : `in ${Math.floor(seconds / 60)} min`;
}

// --- Markdown -----------------------------------------------------------------------------------

// INVARIANT: each alternative is bounded or ends at its own opening sign, so that no text takes
// longer than its length allows.
const INLINE = new RegExp([
  /(?<!`)(?<ticks>`+)(?!`)(?<code>[^]*?[^`])\k<ticks>(?!`)/,
  /\*\*(?=\S)(?<bold>[^]+?)\*\*/,
  /(?<![\w*])\*(?=[^\s*])(?<slant>[^*\n]{1,300})\*(?![\w*])/,
  /(?<image>!?)\[(?<label>[^[\]\n]{0,300})\]\((?<target>[^()\s]{1,2000})\)/,
  /\b(?<bare>https?:\/\/[^\s<>"'`()[\]]{1,2000}[^\s<>"'`()[\].,;:!?*])/,
].map((part) => part.source).join("|"), "g");

function inline(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(from, match.index), inlineNode(match));
    from = match.index + match[0].length;
  }
  return [...found, text.slice(from)];
}

function inlineNode({ 0: whole, groups: { code, bold, slant, image, label, target, bare } }) {
  if (code !== undefined) return el("code", {}, code.replace(/^ (.*[^ ].*) $/s, "$1"));
  if (bold !== undefined) return el("strong", {}, inline(bold));
  if (slant !== undefined) return el("em", {}, inline(slant));
  return link(bare ?? target, image ? `image: ${label}` : label, whole);
}

/** A link that shows where it leads. An image is never loaded, only linked. */
function link(target, label, whole) {
  const url = URL.canParse(target) ? new URL(target) : null;
  if (!url || !["https:", "http:", "mailto:"].includes(url.protocol)) return whole;
  const props = { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" };
  const isPlain = !label || label === target;
  return [el("a", props, isPlain ? url.href : label), !isPlain && el("span.target", {}, ` (${url.href})`)];
}

const BULLET = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const FENCE = /^\s*(`{3,}(?=[^`]*$)|~{3,})\s*(\S*)/;
const QUOTE = /^\s*>\s?/;
const QUOTES_DEEP_MAX = 4;
const starts = (line) => !line.trim() || /^#{1,6}\s/.test(line) || [BULLET, FENCE, QUOTE].some((sign) => sign.test(line));
const isNumbered = (line) => /^\s*\d/.test(line);
const closes = (line, fence) => line.length >= fence.length && line === fence[0].repeat(line.length);

/** Markdown as elements: headings, bold, code, lists, quotations, links. */
function markdown(text, depth = 0) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const blocks = [];
  let at = 0;
  const take = (fits) => {
    const from = at;
    while (at < lines.length && fits(lines[at], at - from)) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = line.match(FENCE);
    const heading = line.match(/^(#{1,6})\s+(.*)$/);
    if (!line.trim()) at += 1;
    else if (fence) {
      at += 1;
      const code = take((other) => !closes(other.trim(), fence[1]));
      at += 1;
      blocks.push(codeBlock(code.join("\n"), fence[2]));
    } else if (heading) {
      at += 1;
      blocks.push(el(`h${Math.min(heading[1].length + 2, 6)}`, {}, inline(heading[2])));
    } else if (BULLET.test(line)) blocks.push(list(take((other) => /^\s{2,}\S/.test(other) || BULLET.test(other) && isNumbered(other) === isNumbered(line))));
    else if (QUOTE.test(line) && depth < QUOTES_DEEP_MAX) {
      const quoted = take((other) => QUOTE.test(other)).map((other) => other.replace(QUOTE, ""));
      blocks.push(el("blockquote", {}, markdown(quoted.join("\n"), depth + 1)));
    } else blocks.push(el("p", {}, inline(take((other, index) => index === 0 || !starts(other)).join("\n"))));
  }
  return blocks;
}

function codeBlock(code, language) {
  return el("figure.code", {}, el("figcaption", {}, language || "text", copier(code)), el("pre", { tabIndex: 0 }, code));
}

/** A list; deeper items are shown by their indentation. */
function list(lines) {
  const root = el(isNumbered(lines[0]) ? "ol" : "ul");
  for (const line of lines) {
    const [, indent, sign, words] = line.match(BULLET) ?? [];
    if (words === undefined) { root.lastChild?.append("\n", ...nodes(inline(line.trim()))); continue; }
    const item = el("li", {}, inline(words));
    if (isNumbered(sign)) item.value = parseInt(sign, 10);
    item.dataset.depth = Math.min(Math.floor(indent.replaceAll("\t", "  ").length / 2), 4);
    root.append(item);
  }
  return root;
}

// --- Diffs --------------------------------------------------------------------------------------

/** Each line with its kind. A hunk says how long it is, so no content passes for a heading. */
function diffLines(text) {
  let [old, fresh] = [0, 0];
  return text.replace(/\n$/, "").split("\n").map((line) => {
    if (old > 0 || fresh > 0) {
      const sign = line[0];
      if (sign !== "+" && sign !== "\\") old -= 1;
      if (sign !== "-" && sign !== "\\") fresh -= 1;
      return [{ "+": "added", "-": "removed" }[sign] ?? "same", line];
    }
    const hunk = line.match(/^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/);
    if (hunk) [old, fresh] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
    if (hunk) return ["hunk", line];
    if (/^(---|\+\+\+) /.test(line)) return ["file", line];
    if (line.startsWith("removed ")) return ["gone", line];
    return [/^(look closely|conflict):/.test(line) ? "careful" : "about", line];
  });
}

function diffView(text) {
  const lines = diffLines(text);
  const count = (kind) => lines.filter(([is]) => is === kind).length;
  const caption = `${counted(count("added"), "line")} added, ${count("removed")} removed (${counted(lines.length, "line")} to read)`;
  const rows = lines.map(([kind, line]) => el(`span.${kind}`, {}, line || " "));
  const pane = el("pre.diff", { tabIndex: 0, role: "region", ariaLabel: "Changes" }, rows);
  return el("figure.code", {}, el("figcaption", {}, caption, copier(text)), pane);
}

// --- The server ---------------------------------------------------------------------------------

class Problem extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
  /** Whether the server is away or busy: the same request may succeed later. */
  get isPassing() { return this.status === 0 || [429, 502, 503, 504].includes(this.status); }
}

function sentence(text) {
  const words = String(text ?? "").trim();
  return words && words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const words = `${sentence(body.detail ?? `the server answers ${response.status}`)} ${sentence(body.hint)}`;
  return new Problem(response.status, body.code ?? "unknown", words.trim());
}

async function ask(method, path, body, headers = {}) {
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const request = { method, headers: { ...type, ...headers }, body: body && JSON.stringify(body) };
  const response = await fetch(path, request).catch(() => {
    throw new Problem(0, "unreachable", "The server does not answer.");
  });
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function call(method, path, body) {
  const response = await ask(method, path, body);
  return response.status === 204 ? null : response.json();
}

async function all(path, noun) {
  const items = [];
  for (let cursor = ""; cursor !== null;) {
    const page = await call("GET", `${path}${path.includes("?") ? "&" : "?"}limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...page[noun]);
    cursor = page.next_cursor ?? null;
  }
  return items;
}

/** The events of a streamed answer. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read().catch(() => ({ done: true }));
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const field = (name) => part.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      if (field("data")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

function source(path, names, hear, onopen, onerror) {
  const stream = Object.assign(new EventSource(path), { onopen, onerror });
  for (const name of names) stream.addEventListener(name, (event) => hear(name, JSON.parse(event.data)));
  return stream;
}

// --- What the page remembers --------------------------------------------------------------------

const memory = {
  get(key) { try { return JSON.parse(localStorage.getItem(`wardroom.${key}`)); } catch { return null; } },
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(`wardroom.${key}`);
      else localStorage.setItem(`wardroom.${key}`, JSON.stringify(value));
    } catch { /* A browser that keeps nothing still talks. */ }
  },
};

const state = {
  me: null, isLoaded: false, loadedAt: 0, isGrowing: false, arrival: null,
  feed: null, feedSeq: 0, retries: 0, retryTimer: 0,
  conversation: null, heard: new Map(), lastSeq: 0, preview: null, attemptsEnded: new Set(),
  outbox: [], sent: [], isSending: false,
  tasks: new Map(), approvals: new Map(),
};

// --- Messages -----------------------------------------------------------------------------------

const SPEAKER_WORDS = { user: "You", assistant: "Coordinator" };

/**
 * Does what makes the log longer. Whoever reads its end goes on reading its end, or the beginning of
 * what arrived where that is longer than the screen.
 */
function growing(act) {
  if (state.isGrowing) return act();
  const pane = $("scroll");
  // Nothing moves under the hand of a person who is deciding.
  const isFree = !document.querySelector(".ask:is(:hover, :focus-within)");
  const isAtEnd = isFree && pane.scrollHeight - pane.scrollTop - pane.clientHeight < 120;
  state.isGrowing = true;
  try { act(); } finally { state.isGrowing = false; }
  const beginning = state.arrival ? state.arrival.getBoundingClientRect().top - pane.getBoundingClientRect().top - 8 : Infinity;
  const end = pane.scrollHeight - pane.scrollTop - pane.clientHeight;
  if (isAtEnd) pane.scrollTop += Math.max(0, Math.min(beginning, end));
  state.arrival = null;
}

function messageView(speaker, at, body) {
  const head = el("header", {}, el("strong", {}, SPEAKER_WORDS[speaker]), at && el("time", { dateTime: at, title: at }, clock(at)));
  return el(`article.message.${speaker === "task" ? "report" : speaker}`, { dir: "auto" }, speaker !== "task" && head, body);
}

function bodyOf(message) {
  if (message.speaker === "user") return el("div.words", {}, message.text);
  if (message.speaker === "assistant") return markdown(message.text);
  return el("details", {}, el("summary", {}, `What the crew reported: ${counted(message.tasks.length, "result")}, ${clock(message.at)}`), markdown(message.text));
}

function showMessage(message) {
  if (!message) return;
  state.lastSeq = Math.max(state.lastSeq, message.seq);
  const known = state.heard.get(message.id);
  // A streamed reply may not know its place yet (0); it is the last until the feed tells.
  const seq = message.seq || Infinity;
  if (known) known.dataset.seq = Math.min(known.dataset.seq, seq);
  if (known) return endPreview(message);
  const view = messageView(message.speaker, message.at, bodyOf(message));
  view.dataset.seq = seq;
  state.heard.set(message.id, view);
  growing(() => {
    endPreview(message);
    if (message.speaker === "user") arrived(message);
    if (message.speaker === "assistant") state.arrival = view;
    const later = [...$("messages").children].find((other) => Number(other.dataset.seq) > seq);
    $("messages").insertBefore(view, later ?? null);
    if (message.speaker !== "task") [...message.tasks].reverse().forEach((id) => anchor(id, view));
    $("welcome").hidden = true;
  });
}

/** What the model is writing. A new attempt replaces what an earlier one wrote. */
function showPreview({ attempt, text }) {
  if (state.attemptsEnded.has(attempt)) return;
  state.preview ??= { view: messageView("assistant", null, el("div", { ariaLive: "off" })), attempt: null, text: "", frame: 0 };
  const preview = state.preview;
  if (preview.attempt !== attempt) Object.assign(preview, { attempt, text: "" });
  preview.text += text;
  preview.frame ||= requestAnimationFrame(() => growing(() => {
    preview.frame = 0;
    if (state.preview !== preview) return;
    fill(preview.view.lastChild, markdown(preview.text));
    if (!preview.view.isConnected) $("tail").prepend(preview.view);
    state.arrival = preview.view;
  }));
}

/** A preview ends when it has become a message, or will not become one. */
function endPreview(message) {
  if (!state.preview || (message && message.speaker !== "assistant")) return;
  state.attemptsEnded.add(state.preview.attempt);
  state.preview.view.remove();
  state.preview = null;
}

// --- Tasks --------------------------------------------------------------------------------------

function taskCard(id) {
  const known = state.tasks.get(id);
  if (known) return known;
  const parts = {
    state: el("span.state"), title: el("h3"), note: el("p.note"), tail: el("pre.tail", { ariaLive: "off", ariaLabel: "Output" }),
    asks: el("div.asks"), error: el("p.error"), changes: el("div"), buttons: el("footer"),
  };
  const head = el("header", {}, parts.state, parts.title, el("code.faint", { title: id }, `…${id.slice(-4)}`));
  const view = el("article.task", { id }, head, parts.note, parts.tail, parts.asks, parts.error, parts.changes, parts.buttons);
  const card = { id, view, parts, task: { id, status: "QUEUED", title: "Task", progress: { percent: 0, note: "" } }, movedAt: 0, output: "", outputSeq: 0, stream: null, isUndone: false };
  state.tasks.set(id, card);
  card.buttons = {
    cancel: button("Cancel", () => press(card.buttons.cancel, () => cancel(card))),
    changes: button("Show changes", () => press(card.buttons.changes, () => toggleChanges(card))),
    undo: twice("Undo", "Undo: put everything back?", () => press(card.buttons.undo, () => undo(card))),
  };
  parts.buttons.append(...Object.values(card.buttons));
  growing(() => $("messages").append(view));
  drawTask(card);
  return card;
}

/** Puts a task's card after the message that first names it. */
function anchor(id, view) {
  const card = taskCard(id);
  if (card.isAnchored) return;
  card.isAnchored = true;
  view.after(card.view);
  if (!card.task.updated_at && state.isLoaded) refreshTask(id);
}

function drawTask(card) {
  const { task, parts, buttons } = card;
  const isEnded = ENDED.includes(task.status);
  card.view.dataset.state = task.status;
  fill(parts.state, STATE_WORDS[task.status] ?? task.status);
  fill(parts.title, task.title);
  fill(parts.note, isEnded ? outcomeWords(card) : task.status === "RUNNING" && progressWords(task.progress));
  fill(parts.error, task.error && sentence(task.error));
  parts.tail.hidden = task.status !== "RUNNING" || !card.output;
  buttons.cancel.hidden = isEnded;
  buttons.changes.hidden = isEnded && task.applied == null;
  buttons.undo.hidden = task.applied !== true || card.isUndone;
  drawStop();
}

const progressWords = ({ percent, note }) => (percent > 0 ? `${percent} % ${note}` : note);

function outcomeWords({ task, isUndone }) {
  if (isUndone) return "Undone: the folder is as it was before.";
  return { true: "Its changes are applied.", false: "Its changes are not applied." }[task.applied] ?? "";
}

function learnTask(task) {
  const card = taskCard(task.id);
  // An answer may have been overtaken by an event, and then the event knows better.
  const { status, progress } = Date.parse(task.updated_at) <= card.movedAt ? card.task : task;
  Object.assign(card.task, task, { status, progress: progress.note ? progress : card.task.progress });
  growing(() => drawTask(card));
  watchOutput();
}

async function refreshTask(id) {
  await quietly(async () => learnTask((await call("GET", `/v1/tasks/${id}`)).task));
}

/** Takes in how a task stands, unless something newer is known. */
function hearTask(name, data) {
  const card = taskCard(data.task);
  const at = Date.parse(data.at);
  if (at < Date.parse(card.task.updated_at ?? 0)) return;
  if (name === "status") card.movedAt = at;
  if (card.task.status === data.status && card.task.updated_at) return;
  if (name === "status") Object.assign(card.task, { status: data.status, title: data.title });
  else card.task.progress = { percent: data.percent, note: data.note };
  growing(() => drawTask(card));
  watchOutput();
  if (ENDED.includes(data.status)) refreshTask(card.id);
}

/** Follows the output of the tasks at work, as many as the browser has connections for. */
function watchOutput() {
  const working = [...state.tasks.values()].filter((card) => card.task.status === "RUNNING" && !document.hidden && state.feed);
  const watched = new Set(working.slice(0, OUTPUT_STREAMS_MAX));
  for (const card of state.tasks.values()) {
    if (card.stream && !watched.has(card)) card.stream = void card.stream.close();
    else if (!card.stream && watched.has(card)) followOutput(card);
  }
}

function followOutput(card) {
  const stop = () => { card.stream?.close(); card.stream = null; };
  const hear = (name, data) => (name === "done" ? stop() : hearOutput(card, name, data));
  const broken = () => { stop(); setTimeout(watchOutput, POLL_MS); };
  card.stream = source(`/v1/tasks/${card.id}/events?after=${card.outputSeq}`, ["progress", "output", "done"], hear, null, broken);
}

/** A command's words as they come; what is kept of them in the end replaces them. */
function hearOutput(card, name, data) {
  const isKept = data.seq > card.outputSeq;
  card.outputSeq = Math.max(card.outputSeq, data.seq);
  card.output = name === "progress" ? "" : ((isKept ? "" : card.output) + data.text).slice(-TAIL_CHARS_MAX);
  fill(card.parts.tail, card.output.trimEnd().split("\n").slice(-TAIL_LINES_MAX).join("\n"));
  growing(() => drawTask(card));
}

async function cancel(card) {
  learnTask((await call("POST", `/v1/tasks/${card.id}/cancel`)).task);
}

async function toggleChanges(card) {
  const isShown = card.parts.changes.hasChildNodes();
  fill(card.buttons.changes, isShown ? "Show changes" : "Hide changes");
  if (isShown) return fill(card.parts.changes);
  const diff = await call("GET", `/v1/tasks/${card.id}/diff`);
  card.isUndone = card.task.applied === true && !diff.applied;
  fill(card.parts.changes, diff.text ? diffView(diff.text) : el("p.faint", {}, "It has changed nothing."));
  drawTask(card);
}

async function undo(card) {
  try {
    await call("POST", `/v1/tasks/${card.id}/undo`);
    card.isUndone = true;
  } finally {
    await refreshTask(card.id);
  }
}

const openTasks = () => [...state.tasks.values()].filter((card) => !ENDED.includes(card.task.status));

function drawStop() {
  const count = openTasks().length;
  $("stop").hidden = count === 0;
  fill($("stop"), count > 1 ? `Stop ${count} tasks` : "Stop");
}

const stopAll = () => Promise.all(openTasks().map(cancel));

// --- Approvals ----------------------------------------------------------------------------------

function hearApproval(approval) {
  // A question that is repeated from before this page was loaded, and does not wait, has ended.
  const isOld = !approval.decision && Date.parse(approval.created_at) < state.loadedAt;
  if (!isOld || state.approvals.has(approval.id)) showApproval(approval);
}

function showApproval(approval) {
  const known = state.approvals.get(approval.id);
  if (known && (known.approval.decision || !approval.decision)) return;
  const view = approval.decision ? decidedView(approval) : askingView(approval);
  state.approvals.set(approval.id, { approval, view });
  growing(() => {
    if (!approval.decision) state.arrival = view;
    if (known) known.view.replaceWith(view);
    else if (state.tasks.has(approval.task)) taskCard(approval.task).parts.asks.append(view);
    else fromElsewhere(approval, view);
  });
  drawWaiting();
}

/** A question of a task that is not of this conversation says which task it is. */
function fromElsewhere(approval, view) {
  const name = el("p.faint", {}, approval.task);
  view.prepend(name);
  $("elsewhere").append(view);
  quietly(async () => fill(name, (await call("GET", `/v1/tasks/${approval.task}`)).task.title, ` (${approval.task})`));
}

function decidedView(approval) {
  const who = approval.decided_by && approval.decided_by === state.me?.user.id ? " by you" : "";
  const head = el("summary", {}, `${DECISION_WORDS[approval.decision]}${who}: ${approval.tool}, ${clock(approval.decided_at ?? approval.expires_at)}`);
  const view = el(`details.decided.${approval.decision.toLowerCase()}`, {}, head);
  view.addEventListener("toggle", () => {
    const [blocks, rows] = actionView(approval.arguments);
    view.append(...blocks, el("dl", {}, rows));
  }, { once: true });
  return view;
}

const HEADINGS = {
  permission: (tool) => ["May ", el("code", {}, tool), " happen?"],
  in_doubt: (tool) => ["Did ", el("code", {}, tool), " happen before the crash?"],
  answer: (_, { question }) => ["A task asks: ", question],
};

function askingView(approval) {
  const kind = approval.question ?? "permission";
  const expiry = el("time", { dateTime: approval.expires_at, title: approval.expires_at });
  // The words and the offers of a question stand in its heading and its buttons.
  const asked = kind === "answer" ? { ...approval.arguments, question: null, choices: null } : approval.arguments;
  const [blocks, rows] = actionView(asked);
  const facts = el("dl", {}, rows, kind !== "answer" && [fact("Tier", el(`span.tier.${approval.tier}`, {}, approval.tier)), fact("Because", approval.rationale),
    fact("Rule", el("code", {}, approval.rule), ` (${approval.source})`), fact("Digest", el("code.faint", {}, approval.digest))]);
  const view = el("section.ask", { tabIndex: -1, ariaLabel: "Waits for your decision" },
    el("h4", {}, HEADINGS[kind](approval.tool, approval.arguments)), blocks, facts,
    el("footer", {}, choices(kind, approval), el("span.faint", {}, "expires ", expiry)), el("p.error", { role: "alert" }));
  drawExpiry(expiry);
  return view;
}

const fact = (name, ...value) => [el("dt", {}, name), el("dd", {}, value)];

/** The exact action, nothing left out: a diff as a diff, text as text, what is short as rows. */
function actionView(action) {
  const [blocks, rows] = [[], []];
  const members = action && typeof action === "object" && !Array.isArray(action) ? Object.entries(action) : [["arguments", action]];
  for (const [name, value] of members.filter((member) => member[1] != null)) {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    if (name === "diff") blocks.push(diffView(text));
    else if (name !== "command" && text.length < 100 && !text.includes("\n")) rows.push(fact(name, el("code", {}, text)));
    else blocks.push(el("div.argument", {}, el("span.faint", {}, name), el("pre", { tabIndex: 0 }, text)));
  }
  return [blocks, rows];
}

function choices(kind, approval) {
  const say = (label, style, send) => button(label, () => decide(approval, send), `button.${style}`);
  if (kind === "in_doubt") {
    const answers = [["It happened", "happened"], ["It did not", "did_not"], ["Stop the task", "stop"]];
    const resolve = (answer) => call("POST", `/v1/tasks/${approval.task}/resolve`, { effect: approval.effect, answer });
    return answers.map(([label, answer]) => say(label, "calm", () => resolve(answer)));
  }
  const send = (body) => call("POST", `/v1/approvals/${approval.id}/decision`, { digest: approval.digest, ...body });
  const deny = (label) => say(label, "bad", () => send({ decision: "DENY" }));
  if (kind === "permission") return [say("Approve", "main", () => send({ decision: "APPROVE" })), deny("Deny")];
  const words = el("input", { type: "text", ariaLabel: "Your answer", onkeydown: (event) => { if (event.key === "Enter" && !event.isComposing) answer.click(); } });
  const answer = say("Answer", "main", () => send({ decision: "APPROVE", answer: words.value }));
  const offers = [approval.arguments?.choices].flat().filter((offer) => typeof offer === "string");
  return [offers.map((offer) => button(offer, () => { words.value = offer; words.focus(); })), words, answer, deny("No answer")];
}

async function decide(approval, send) {
  const { view } = state.approvals.get(approval.id);
  const controls = [...view.querySelectorAll("footer button, footer input")];
  const say = view.querySelector(".error");
  fill(say);
  controls.forEach((control) => { control.disabled = true; });
  try {
    const decided = await send();
    if (decided.decision) showApproval(decided);
    else forget(approval.id);
    state.approvals.get(approval.id)?.view.querySelector("summary")?.focus({ preventScroll: true });
  } catch (problem) {
    controls.forEach((control) => { control.disabled = false; });
    report(problem, (words) => fill(say, words));
    if (problem.status === 409) await quietly(loadWaiting);
  }
}

function forget(id) {
  state.approvals.get(id)?.view.remove();
  state.approvals.delete(id);
  drawWaiting();
}

const waiting = () => [...state.approvals.values()].filter(({ approval }) => !approval.decision);

function drawWaiting() {
  const count = waiting().length;
  $("waiting").hidden = count === 0;
  fill($("waiting"), `${count} waiting`);
  $("elsewhere").hidden = !$("elsewhere").querySelector(".ask, .decided");
  document.title = count ? `(${count}) Wardroom` : "Wardroom";
}

function drawExpiry(time) {
  const words = until(time.dateTime);
  if (time.textContent !== words) fill(time, words);
}

/** What waits, from every conversation; what waits no longer is taken off, or will be told. */
async function loadWaiting() {
  const before = waiting().map(({ approval }) => approval.id);
  const response = await ask("GET", "/v1/approvals?waiting=true&limit=100");
  const { approvals, next_cursor } = await response.json();
  // Events are compared with the server's own clock, which its answers tell to the second.
  state.loadedAt ||= Date.parse(response.headers.get("Date")) - 2000;
  const open = new Set(approvals.map((approval) => approval.id));
  approvals.reverse().forEach(showApproval);
  if (!next_cursor) before.filter((id) => !open.has(id) && !state.approvals.get(id)?.approval.decision).forEach(forget);
}

// --- The connection -----------------------------------------------------------------------------

/** A failure: signed out, away for a while, or something to tell. */
function report(problem, tell) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) return askToSignIn("You are not signed in any more. What you typed is kept.");
  if (problem.status === 0) goOffline();
  tell(problem.message);
}

async function quietly(act) {
  try { await act(); } catch (problem) { report(problem, () => {}); }
}

/** Does what a button asks for; the button rests meanwhile. */
async function press(control, act) {
  control.disabled = true;
  notice("");
  try { await act(); } catch (problem) { report(problem, notice); } finally { control.disabled = false; }
}

function notice(words) {
  $("notice").hidden = !words;
  fill($("notice"), words);
}

function goOffline() {
  state.feed?.close();
  state.feed = null;
  watchOutput();
  fill($("link"), "The server is away; trying again. What you typed is kept.");
  const wait = RETRY_MS[Math.min(state.retries, RETRY_MS.length - 1)];
  state.retryTimer ||= setTimeout(reconnect, wait * (0.8 + Math.random() * 0.4));
}

async function reconnect() {
  clearTimeout(state.retryTimer);
  state.retryTimer = 0;
  state.retries += 1;
  await quietly(load);
}

function listen() {
  state.feed?.close();
  if (!state.conversation) { state.feed = null; return; }
  const path = `/v1/conversations/${state.conversation}/events?after=${state.feedSeq}`;
  state.feed = source(path, ["status", "progress", "approval", "message", "preview"], hearFeed, watchOutput, goOffline);
}

function hearFeed(name, data) {
  state.feedSeq = Math.max(state.feedSeq, data.seq);
  if (name === "message") showMessage(data.message);
  else if (name === "approval") hearApproval(data.approval);
  // While a reply streams, its preview comes with it.
  else if (name === "preview") state.isSending || showPreview(data);
  else if (data.task) hearTask(name, data);
}

// --- Saying something ---------------------------------------------------------------------------

/** A message of mine came back from the server: its bubble has done its work. */
function arrived(message) {
  const mine = [...state.sent, ...state.outbox];
  const item = mine.find((item) => !item.isHeard && item.text === message.text && message.seq > item.after);
  if (item) item.isHeard = true;
  drawOutbox();
}

function drawOutbox() {
  state.sent = state.sent.filter((item) => !item.isHeard);
  document.querySelectorAll(".message.pending").forEach((view) => view.remove());
  state.sent.forEach((item) => drawPending(item, "", $("messages")));
  for (const item of state.outbox.filter((item) => !item.isHeard)) {
    const isGoing = item === state.outbox[0] && state.isSending;
    drawPending(item, isGoing ? "sending" : "waits to be sent", $(isGoing ? "messages" : "tail"));
  }
  $("fresh").hidden = state.outbox.length > 0 || !state.conversation;
  $("where").hidden = !!state.conversation || state.outbox.length > 0 || $("where").lastChild.options.length < 2;
  memory.set("outbox", state.outbox.length ? state.outbox : null);
}

function drawPending(item, note, place) {
  const view = messageView("user", null, el("div.words", {}, item.text));
  view.classList.add("pending");
  view.dataset.seq = item.after + 1;
  view.firstChild.append(el("span.faint", {}, note));
  place.append(view);
}

/** Sends what waits, in order. A message keeps its key, so it is taken in once however often sent. */
async function pump() {
  if (state.isSending || !state.outbox.length) return;
  state.isSending = true;
  notice("");
  growing(drawOutbox);
  try {
    while (state.outbox.length) {
      await send(state.outbox[0]);
      state.sent.push(state.outbox.shift());
      growing(drawOutbox);
    }
  } catch (problem) {
    keepOrReturn(problem);
  } finally {
    state.isSending = false;
    endPreview();
    growing(drawOutbox);
  }
}

async function send(item) {
  const body = { text: item.text, conversation: state.conversation ?? undefined, workspace: state.conversation ? undefined : item.workspace };
  const headers = { Accept: "text/event-stream", "Idempotency-Key": item.key };
  const response = await ask("POST", "/v1/messages", body, headers);
  for await (const { name, data } of eventsOf(response)) {
    if (name === "preview") showPreview(data);
    if (name === "message") { adopt(data.message.conversation); showMessage(data.message); }
    if (name !== "done") continue;
    if (data.error) notice(sentence(data.error));
    if (data.conversation) adopt(data.conversation);
    return;
  }
  throw new Problem(0, "unreachable", "The server went away in the middle of its answer.");
}

/** What may pass later is kept and sent again; what was refused goes back to where it was typed. */
function keepOrReturn(problem) {
  if (problem.isPassing) return goOffline();
  if (problem.status !== 401) {
    const { text } = state.outbox.shift();
    $("text").value = [text, $("text").value].filter(Boolean).join("\n\n");
  }
  report(problem, notice);
}

function adopt(conversation) {
  if (state.conversation === conversation) return;
  state.conversation = conversation;
  memory.set("conversation", conversation);
  listen();
}

function say() {
  const text = $("text").value;
  if (!text.trim()) return;
  const workspace = $("where").lastChild.value || undefined;
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  state.outbox.push({ text, workspace, key, after: state.lastSeq });
  $("text").value = "";
  memory.set("draft", null);
  $("welcome").hidden = true;
  growing(drawOutbox);
  $("scroll").scrollTop = $("scroll").scrollHeight;
  pump();
}

// --- Signing in, and loading --------------------------------------------------------------------

function askToSignIn(why) {
  state.me = null;
  state.feed?.close();
  state.feed = null;
  watchOutput();
  $("talk").hidden = $("fresh").hidden = $("leave").hidden = $("waiting").hidden = true;
  $("signin").hidden = false;
  fill($("me"));
  fill($("link"));
  fill($("signin-why"), why);
}

async function signInByLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (!code) return "";
  // The code leaves the address before anything else: it belongs neither in the history nor in a copy.
  history.replaceState(null, "", location.pathname);
  try {
    await call("POST", "/v1/sessions", { code });
    return "";
  } catch (problem) {
    if (problem.isPassing) return "The server does not answer. Open the link again when it is back.";
    return "This link has been used or has expired. Start wardroom up again for a new one.";
  }
}

async function signInByPassword(event) {
  event.preventDefault();
  const form = event.target;
  const { name, password } = Object.fromEntries(new FormData(form));
  try {
    await call("POST", "/v1/sessions", { name, password });
    form.reset();
    await start();
  } catch (problem) {
    fill($("signin-why"), problem.status === 401 ? "This name and password do not fit." : problem.message);
  }
}

async function signOut() {
  const { sessions } = await call("GET", "/v1/sessions");
  const mine = sessions.find((session) => session.current);
  if (mine) await call("DELETE", `/v1/sessions/${mine.id}`);
  leaveConversation();
  askToSignIn("You are signed out.");
}

/** Empties the page for another conversation, or another person. */
function leaveConversation() {
  memory.set("conversation", null);
  state.feed?.close();
  for (const card of state.tasks.values()) card.stream?.close();
  const emptied = { conversation: null, feed: null, feedSeq: 0, loadedAt: 0, lastSeq: 0, sent: [], isLoaded: false };
  Object.assign(state, emptied);
  [state.tasks, state.approvals, state.heard].forEach((kept) => kept.clear());
  endPreview();
  fill($("messages"));
  document.querySelectorAll("#elsewhere > .ask, #elsewhere > .decided").forEach((view) => view.remove());
  notice("");
  drawStop();
  drawWaiting();
  drawOutbox();
}

/** Brings the page up to what the server knows: at first, and after every absence. */
async function load() {
  const me = await call("GET", "/v1/me");
  if ((memory.get("user") ?? me.user.id) !== me.user.id) forgetPerson();
  memory.set("user", me.user.id);
  enter(me);
  await loadFolders();
  if (!state.isLoaded) await loadConversation();
  await loadTasks();
  await loadWaiting();
  state.isLoaded = true;
  state.retries = 0;
  fill($("link"));
  $("welcome").hidden = state.heard.size + state.outbox.length > 0;
  listen();
  pump();
}

function forgetPerson() {
  leaveConversation();
  state.outbox = [];
  $("text").value = "";
  memory.set("draft", null);
}

function enter(me) {
  state.me = me;
  fill($("me"), `${me.user.name} (${me.user.role})`);
  $("signin").hidden = true;
  $("talk").hidden = $("leave").hidden = false;
}

async function loadFolders() {
  const { workspaces } = await call("GET", "/v1/workspaces");
  const hosts = workspaces.filter((workspace) => workspace.kind === "host");
  const folders = [["", "your private folder"], ...hosts.map((host) => [host.id, host.path])];
  const choice = $("where").lastChild;
  const chosen = choice.value;
  fill(choice, folders.map(([value, name]) => el("option", { value, selected: value === chosen }, name)));
  drawOutbox();
}

async function loadConversation() {
  const id = memory.get("conversation");
  if (!id) return;
  try {
    const messages = await all(`/v1/conversations/${id}/messages`, "messages");
    state.conversation = id;
    growing(() => messages.forEach(showMessage));
  } catch (problem) {
    // Another server, or another person's: it begins anew.
    if (problem.status !== 404) throw problem;
    leaveConversation();
  }
}

async function loadTasks() {
  if (!state.conversation) return;
  const tasks = await all(`/v1/tasks?conversation=${state.conversation}`, "tasks");
  growing(() => tasks.reverse().forEach(learnTask));
}

async function begin() {
  leaveConversation();
  await load();
  $("text").focus();
}

async function start() {
  const why = await signInByLink();
  try { await load(); } catch (problem) {
    if (problem.status === 401) askToSignIn(why);
    else report(problem, notice);
  }
}

function listenToPerson() {
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); say(); });
  $("text").addEventListener("input", () => memory.set("draft", $("text").value || null));
  $("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say();
  });
  $("stop").onclick = () => press($("stop"), stopAll);
  $("fresh").onclick = () => press($("fresh"), begin);
  $("leave").onclick = () => press($("leave"), signOut);
  $("waiting").onclick = () => document.querySelector(".ask")?.focus();
  $("signin").addEventListener("submit", signInByPassword);
}

function listenToBrowser() {
  window.addEventListener("hashchange", start);
  window.addEventListener("online", () => state.retryTimer && reconnect());
  document.addEventListener("visibilitychange", () => { watchOutput(); poll(); });
  setInterval(poll, POLL_MS);
  setInterval(() => document.querySelectorAll(".ask footer time").forEach(drawExpiry), 1000);
}

function poll() {
  if (!document.hidden && state.me && state.isLoaded && !state.retryTimer) quietly(loadWaiting);
}

state.outbox = memory.get("outbox") ?? [];
$("text").value = memory.get("draft") ?? "";
listenToPerson();
listenToBrowser();
start();

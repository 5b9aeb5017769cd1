// One conversation: what was said, what is being written, and what waits to be sent.
//
// A message keeps its key, so it is taken in once however often it is sent; what was typed is kept
// until the server has it.

import { all, call, eventsOf, Problem, send, type Conversation, type Message, type Schemas, type Task, type UploadedFile, type Workspace } from "../api/wire";
import { live } from "./live.svelte";
import { keep, recall } from "./memory";
import { maybe } from "./served";
import { place } from "./router.svelte";
import { session } from "./session.svelte";

export interface Pending { key: string; text: string; conversation: string | null; workspace: string | null; files: Attached[]; after: number; isSent: boolean; isHeard: boolean }
export interface Attached { id: string; name: string; bytes: number; media_type: string; preview?: string }
interface Preview { conversation: string; attempt: string; text: string }

/** A preview is drawn this much apart at least, in milliseconds. */
const REST_MS = 30;

class Talk {
  conversations = $state<Conversation[]>([]);
  workspaces = $state<Workspace[]>([]);
  /** The conversation that is open; null for a new one. */
  id = $state<string | null>(null);
  messages = $state<Message[]>([]);
  isLoading = $state(false);
  preview = $state<Preview | null>(null);
  outbox = $state<Pending[]>(recall<Pending[]>("outbox") ?? []);
  isSending = $state(false);
  notice = $state("");
  draft = $state(recall<string>("draft") ?? "");
  attached = $state<Attached[]>([]);
  workspace = $state<string>("");
  /** Names of files that were sent from here. */
  names = $state<Record<string, string>>({});
  private ended = new Set<string>();
  /** What was heard of the preview, drawn or not. */
  private written: Preview | null = null;
  private isResting = false;
  private arriving: Message[] = [];

  private lastSeq = $derived(this.messages.reduce((last, { seq }) => Math.max(last, seq), 0));
  /** What was sent from here and has not come back yet. */
  pending = $derived(this.outbox.filter((item) => !item.isHeard && item.conversation === this.id));

  start() {
    live.listenFor({ message: (message) => this.hear(message), preview: (...piece) => this.write(...piece) });
    session.onLeave(() => this.forget());
  }

  forget() {
    Object.assign(this, { id: null, messages: [], conversations: [], outbox: [], draft: "", attached: [], preview: null, written: null, notice: "" });
    this.ended.clear();
  }

  type(text: string) {
    this.draft = text;
    keep("draft", text);
  }

  async loadLists() {
    const [talks, places] = await Promise.all([
      call<Schemas["ConversationList"]>("GET", "/v1/conversations?limit=100"),
      call<Schemas["WorkspaceList"]>("GET", "/v1/workspaces"),
    ]);
    this.conversations = talks.conversations;
    this.workspaces = places.workspaces;
  }

  /** Opens a conversation, or begins a new one. */
  async open(id: string | null) {
    if (id === this.id && this.messages.length) return;
    this.id = id;
    this.messages = [];
    this.preview = this.written = null;
    this.notice = "";
    keep("conversation", id);
    if (id) await this.reload();
  }

  /** Brings what is on the screen up to what the server knows. */
  async reload() {
    const id = this.id;
    if (!id) return;
    this.isLoading = this.messages.length === 0;
    try {
      const [messages, tasks] = await Promise.all([
        all<Message>(`/v1/conversations/${id}/messages`, "messages", 5000),
        all<Task>(`/v1/tasks?conversation=${id}`, "tasks", 1000),
      ]);
      live.learn(tasks);
      if (this.id !== id) return;
      messages.forEach((message) => this.hear(message));
      const approvals = tasks.length ? (await call<Schemas["ApprovalList"]>("GET", "/v1/approvals?limit=200")).approvals : [];
      approvals.forEach((approval) => live.approval(approval));
    } catch (problem) {
      // Another server, or another person's: it begins anew.
      if (problem instanceof Problem && problem.status === 404) { this.id = null; keep("conversation", null); place.go("/chat", true); this.notice = "That conversation is not here. It may be another person's, or of another server."; }
    } finally {
      this.isLoading = false;
    }
  }

  /** What an upload is called that was sent from elsewhere, asked once. */
  private async learnName(id: string) {
    this.names[id] = "a file";
    const file = await maybe<UploadedFile>(`/v1/files/${id}`).catch(() => null);
    if (file) this.names[id] = file.name;
  }

  private hear(message: Message) {
    message.files.filter((id) => !(id in this.names)).forEach((id) => void this.learnName(id));
    this.conclude(message);
    if (message.conversation !== this.id) {
      if (!this.conversations.some(({ id }) => id === message.conversation)) void this.loadLists().catch(() => {});
      return;
    }
    if (message.speaker === "user") this.arrived(message);
    const at = this.messages.findIndex(({ id }) => id === message.id);
    // A streamed reply does not know its place yet (0); it is the last until the feed tells.
    const seq = message.seq || Number.MAX_SAFE_INTEGER;
    if (at >= 0) {
      if (message.seq) this.messages[at] = message;
    } else {
      this.messages.push({ ...message, seq });
    }
    this.messages.sort((a, b) => a.seq - b.seq);
    message.tasks.filter((task) => !live.tasks[task]).forEach((task) => void live.fetch(task));
  }

  private arrived(message: Message) {
    const item = this.outbox.find((item) => !item.isHeard && item.text === message.text && message.seq > item.after);
    if (item) item.isHeard = true;
    this.outbox = this.outbox.filter((item) => !(item.isHeard && item.isSent));
    this.keepOutbox();
  }

  /** A piece of what the model is writing. A new attempt replaces what an earlier one wrote. */
  private write(conversation: string, attempt: string, text: string) {
    if (this.ended.has(attempt)) return;
    const before = this.written?.attempt === attempt ? this.written.text : "";
    this.written = { conversation, attempt, text: before + text };
    if (!this.isResting) this.draw();
  }

  /** The first piece is drawn at once. What comes faster than it can be drawn is drawn together: a
   *  long preview is drawn anew each time, and the page has other things to do. */
  private draw() {
    const [drawn, began] = [this.written, performance.now()];
    this.preview = drawn;
    this.isResting = true;
    const rest = () => {
      this.isResting = false;
      if (this.written && this.written !== drawn) this.draw();
    };
    setTimeout(() => setTimeout(rest, Math.max(REST_MS, performance.now() - began)));
  }

  /** A preview ends when it has become a message, or will not become one. */
  private conclude(message?: Message) {
    if (!this.preview || (message && (message.speaker !== "assistant" || message.conversation !== this.preview.conversation))) return;
    this.ended.add(this.preview.attempt);
    this.preview = this.written = null;
  }

  say(text: string) {
    if (!text.trim() && !this.attached.length) return;
    const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const files = this.attached.map(({ preview: _, ...file }) => file);
    files.forEach(({ id, name }) => { this.names[id] = name; });
    const said = text.trim() ? text : `See ${files.map(({ name }) => name).join(", ")}.`;
    this.outbox.push({ key, text: said, conversation: this.id, workspace: this.workspace || null, files, after: this.lastSeq >= Number.MAX_SAFE_INTEGER ? 0 : this.lastSeq, isSent: false, isHeard: false });
    this.attached = [];
    this.type("");
    this.keepOutbox();
    void this.pump();
  }

  private keepOutbox() { keep("outbox", this.outbox.length ? this.outbox : null); }

  /** Sends what waits, in order. */
  async pump() {
    if (this.isSending || !session.me) return;
    this.isSending = true;
    this.notice = "";
    try {
      for (let item = this.next(); item; item = this.next()) {
        await this.deliver(item);
        item.isSent = true;
        this.outbox = this.outbox.filter((item) => !(item.isHeard && item.isSent));
        this.keepOutbox();
      }
    } catch (problem) {
      this.giveBack(problem);
    } finally {
      this.isSending = false;
      this.conclude();
    }
  }

  private next() { return this.outbox.find((item) => !item.isSent); }

  private async deliver(item: Pending) {
    const body = {
      text: item.text, conversation: item.conversation ?? undefined,
      workspace: item.conversation ? undefined : item.workspace ?? undefined,
      files: item.files.length ? item.files.map(({ id }) => id) : undefined,
    };
    const response = await send("/v1/messages", "POST", body, { Accept: "text/event-stream", "Idempotency-Key": item.key });
    for await (const { name, data } of eventsOf(response)) {
      if (name === "message") { this.adopt(item, data.message.conversation); this.hear(data.message); }
      if (name !== "done") continue;
      if (data.error) this.notice = `${data.error[0].toUpperCase()}${data.error.slice(1)}.`;
      if (data.conversation) this.adopt(item, data.conversation);
      return;
    }
    throw new Problem(0, "unreachable", "The server went away in the middle of its answer.");
  }

  /** The server has made a conversation for what was said in a new one. */
  private adopt(item: Pending, conversation: string) {
    if (item.conversation) return;
    const wasNew = this.id === null;
    for (const other of this.outbox) if (!other.conversation) other.conversation = conversation;
    if (!wasNew) return;
    this.id = conversation;
    keep("conversation", conversation);
    if (place.parts[0] === "chat" || !place.parts.length) place.go(`/chat/${conversation}`, true);
    void this.loadLists().catch(() => {});
    void this.reload();
  }

  /** What may pass later is kept and sent again; what was refused goes back to where it was typed. */
  private giveBack(problem: unknown) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.isPassing) { session.isAway ||= problem.status === 0; if (problem.status) this.notice = problem.message; return; }
    if (problem.status === 401) return;
    const item = this.next();
    if (item) {
      this.outbox = this.outbox.filter((other) => other !== item);
      this.type([item.text, this.draft].filter(Boolean).join("\n\n"));
      this.attached = [...item.files, ...this.attached];
      this.keepOutbox();
    }
    this.notice = problem.message;
  }

  async attach(files: Iterable<File>) {
    for (const file of files) {
      const form = new FormData();
      form.append("file", file, file.name || "pasted.png");
      try {
        const response = await fetch("/v1/files", { method: "POST", body: form });
        if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? `the server answers ${response.status}`);
        const { id, name, bytes, media_type } = await response.json() as UploadedFile;
        const preview = /^image\/(png|jpeg|gif|webp)$/.test(file.type) ? URL.createObjectURL(file) : undefined;
        this.attached.push({ id, name, bytes, media_type, preview });
        this.names[id] = name;
      } catch (problem) {
        this.notice = `${file.name} was not attached: ${(problem as Error).message}`;
      }
    }
  }

  detach(id: string) { this.attached = this.attached.filter((file) => file.id !== id); }
}

export const talk = new Talk();

// The one stream that the page listens to, and what it knows from it: tasks, questions, output.

import { all, call, type Approval, type Message, type Schemas, type Task, type TaskStatus } from "../api/wire";
import { hasEnded } from "./words";
import { session } from "./session.svelte";

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const POLL_MS = 15_000;
const OUTPUT_CHARS_MAX = 6000;
const KEPT_TASKS_MAX = 400;

/** A task as we know it, with the words of what it is doing. */
export interface Known { task: Task; output: string; tool: string; isUndone: boolean }

type Talk = { message(message: Message): void; preview(conversation: string, attempt: string, text: string): void };

class Live {
  tasks = $state<Record<string, Known>>({});
  approvals = $state<Record<string, Approval>>({});
  /** The questions that are mine to decide. */
  mine = $state<Record<string, boolean>>({});
  /** Counts the times that lists have to be read anew. */
  beats = $state(0);
  /** Counts the changes of each task, for pages that read more of it. */
  moved = $state<Record<string, number>>({});
  now = $state(Date.now());
  /** Something that went wrong with what was asked for last. */
  notice = $state("");
  private source: EventSource | null = null;
  private retries = 0;
  private timer = 0;
  private talk: Talk | null = null;

  waiting = $derived(Object.values(this.approvals).filter((approval) => !approval.decision).sort((a, b) => a.created_at.localeCompare(b.created_at)));
  queue = $derived(this.waiting.filter(({ id }) => this.mine[id]));
  open = $derived(Object.values(this.tasks).filter(({ task }) => !hasEnded(task.status)));

  listenFor(talk: Talk) { this.talk = talk; }

  start() {
    setInterval(() => { this.now = Date.now(); }, 1000);
    setInterval(() => { if (!document.hidden && session.me && !session.isAway) void this.refresh(); }, POLL_MS);
    addEventListener("online", () => this.again());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && session.isAway) this.again(); });
    session.onLeave(() => this.forget());
  }

  forget() {
    this.close();
    this.tasks = {};
    this.approvals = {};
    this.mine = {};
    this.moved = {};
  }

  close() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.source?.close();
    this.source = null;
  }

  /** Listens anew, and reads what is missed in between. */
  connect() {
    this.close();
    if (!session.me) return;
    const source = new EventSource("/v1/events");
    this.source = source;
    const hear = (name: string, act: (data: any) => void) => source.addEventListener(name, (event) => act(JSON.parse((event as MessageEvent).data)));
    hear("ready", (data: Schemas["Listening"]) => this.ready(data));
    hear("status", (data) => this.status(data.task, data.status, data.title, data.at));
    hear("progress", (data) => this.progress(data.task, data.percent, data.note));
    hear("output", (data) => this.output(data));
    hear("approval", (data) => { this.mine[data.approval.id] = data.decidable; this.approval(data.approval); });
    hear("message", (data) => data.message && this.talk?.message(data.message));
    hear("preview", (data) => this.talk?.preview(data.conversation, data.attempt, data.text));
    source.onerror = () => this.lost();
  }

  private ready({ portal }: Schemas["Listening"]) {
    this.retries = 0;
    session.isAway = false;
    const own = document.querySelector<HTMLScriptElement>("script[type=module][src]")?.getAttribute("src");
    session.isOutdated = !!own?.startsWith("/assets/") && portal !== own;
    void this.refresh();
  }

  private lost() {
    this.close();
    if (!session.me) return;
    session.isAway = true;
    const wait = RETRY_MS[Math.min(this.retries, RETRY_MS.length - 1)]!;
    this.timer = window.setTimeout(() => this.again(), wait * (0.8 + Math.random() * 0.4));
  }

  private again() {
    this.retries += 1;
    session.load().then(() => this.connect(), () => session.me && this.lost());
  }

  /** Reads what waits and what is at work; pages read their own lists at the same beat. */
  async refresh() {
    try {
      const before = this.waiting.map(({ id }) => id);
      const { approvals, decidable, next_cursor } = await call<Schemas["ApprovalList"]>("GET", "/v1/approvals?waiting=true&limit=200");
      decidable?.forEach((id) => { this.mine[id] = true; });
      const open = new Set(approvals.map(({ id }) => id));
      approvals.forEach((approval) => this.approval(approval));
      if (!next_cursor) before.filter((id) => !open.has(id)).forEach((id) => { if (!this.approvals[id]?.decision) delete this.approvals[id]; });
      const tasks = await all<Task>("/v1/tasks?open=true", "tasks", 500);
      const known = new Set(tasks.map(({ id }) => id));
      const gone = this.open.filter(({ task }) => !known.has(task.id)).map(({ task }) => task.id);
      this.learn(tasks);
      await Promise.all(gone.map((id) => this.fetch(id)));
      this.beats += 1;
    } catch { /* Being away or signed out is known by now. */ }
  }

  learn(tasks: Task[]) {
    for (const task of tasks) {
      const known = this.tasks[task.id];
      // What an event told may be newer than what an answer says.
      const overtaken = known && Date.parse(known.task.updated_at) > Date.parse(task.updated_at);
      const merged = overtaken ? { ...task, status: known.task.status, progress: known.task.progress, updated_at: known.task.updated_at } : task;
      if (known) known.task = merged;
      else this.tasks[task.id] = { task: merged, output: "", tool: "", isUndone: false };
    }
    this.prune();
  }

  private prune() {
    const ended = Object.values(this.tasks).filter(({ task }) => hasEnded(task.status));
    if (ended.length <= KEPT_TASKS_MAX) return;
    ended.sort((a, b) => a.task.updated_at.localeCompare(b.task.updated_at));
    ended.slice(0, ended.length - KEPT_TASKS_MAX).forEach(({ task }) => delete this.tasks[task.id]);
  }

  async fetch(id: string): Promise<Task | null> {
    try {
      const { task } = await call<Schemas["TaskEnvelope"]>("GET", `/v1/tasks/${id}`);
      this.learn([task]);
      this.bump(id);
      return task;
    } catch (problem) {
      if ((problem as { status?: number }).status === 404) delete this.tasks[id];
      return null;
    }
  }

  private bump(id: string) { this.moved[id] = (this.moved[id] ?? 0) + 1; }

  private status(id: string, status: TaskStatus, title: string, at: string) {
    const known = this.tasks[id];
    this.bump(id);
    if (!known || hasEnded(status)) { void this.fetch(id); }
    if (known && known.task.updated_at <= at) known.task = { ...known.task, status, title, updated_at: at };
  }

  private progress(id: string, percent: number, note: string) {
    const known = this.tasks[id];
    if (known) {
      known.task = { ...known.task, progress: { percent, note } };
      known.output = "";
    }
    this.bump(id);
  }

  /** A command's words as they come; what is kept of them in the end replaces them. */
  private output({ task, tool, text, seq }: { task: string; tool: string; text: string; seq?: number }) {
    const known = this.tasks[task];
    if (!known) return;
    known.tool = tool;
    known.output = ((seq ? "" : known.output) + text).slice(-OUTPUT_CHARS_MAX);
    if (seq) this.bump(task);
  }

  approval(approval: Approval) {
    const known = this.approvals[approval.id];
    if (known?.decision && !approval.decision) return;
    this.approvals[approval.id] = approval;
    if (!this.tasks[approval.task]) void this.fetch(approval.task);
    this.bump(approval.task);
  }
}

export const live = new Live();

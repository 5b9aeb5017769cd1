// Talking to the server: typed by its own document, failures as sentences.

import type { components } from "./schema";

export type Schemas = components["schemas"];
export type Task = Schemas["Task"];
export type Approval = Schemas["Approval"];
export type Message = Schemas["Message"];
export type Conversation = Schemas["Conversation"];
export type User = Schemas["User"];
export type Me = Schemas["Me"];
export type Diff = Schemas["Diff"];
export type Workspace = Schemas["Workspace"];
export type Timeline = Schemas["Timeline"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type AuditEvent = Schemas["AuditEvent"];
export type Agent = Schemas["Agent"];
export type CrewModel = Schemas["CrewModel"];
export type UsageDay = Schemas["UsageDay"];
export type UploadedFile = Schemas["File"];
export type Artifact = Schemas["Artifact"];
export type TaskStatus = Schemas["TaskStatus"];
export type RiskTier = Schemas["RiskTier"];
export type Role = Schemas["Role"];

/** What went wrong, in words for people. Status 0: the server did not answer at all. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
  /** Whether the same request may succeed later. */
  get isPassing() {
    return this.status === 0 || [429, 502, 503, 504].includes(this.status);
  }
}

function sentence(text: unknown): string {
  const words = String(text ?? "").trim();
  return words && words[0]!.toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");
}

export async function problemOf(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => ({}));
  const words = [body.detail ?? `the server answers ${response.status}`, body.hint].map(sentence).filter(Boolean);
  return new Problem(response.status, body.code ?? "unknown", words.join(" "));
}

type Heard = (problem: Problem) => void;
let hear: Heard = () => {};
/** Every failure is also told to one listener, which knows what signed out and away mean. */
export const onProblem = (listener: Heard) => { hear = listener; };

function fail(problem: Problem): never {
  hear(problem);
  throw problem;
}

/** A request of ours; anything but success is a Problem. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, init).catch((cause: unknown) => {
    if (init.signal?.aborted) throw cause;
    return fail(new Problem(0, "unreachable", "The server does not answer."));
  });
  if (!response.ok) fail(await problemOf(response));
  return response;
}

export function send(path: string, method: string, body?: unknown, headers: Record<string, string> = {}) {
  const type: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  return ask(path, { method, headers: { ...type, ...headers }, body: body === undefined ? undefined : JSON.stringify(body) });
}

/** A request with a JSON answer: `call<Me>("GET", "/v1/me")`. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await send(path, method, body);
  return (response.status === 204 ? null : await response.json()) as T;
}

/** All pages of a list, as far as `most` items. */
export async function all<T>(path: string, noun: string, most = 2000): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ""; cursor !== null && items.length < most;) {
    const from: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const page: Record<string, unknown> = await call("GET", `${path}${path.includes("?") ? "&" : "?"}limit=500${from}`);
    items.push(...(page[noun] as T[]));
    cursor = (page.next_cursor as string | null) ?? null;
  }
  return items;
}

export interface Told { name: string; data: Record<string, any> }

/** The events of a streamed answer, as far as it comes. */
export async function* eventsOf(response: Response): AsyncGenerator<Told> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: "" }));
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const field = (name: string) => part.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      if (field("data")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

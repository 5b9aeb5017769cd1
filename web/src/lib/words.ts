// Words and numbers as people read them.

import type { RiskTier, TaskStatus } from "../api/wire";

export const ENDED: TaskStatus[] = ["SUCCEEDED", "FAILED", "CANCELED", "TIMED_OUT"];
export const hasEnded = (status: TaskStatus) => ENDED.includes(status);

export const STATE: Record<TaskStatus, string> = {
  QUEUED: "queued", RUNNING: "working", WAITING_APPROVAL: "waits for a decision", SUCCEEDED: "done",
  FAILED: "failed", CANCELED: "stopped", TIMED_OUT: "timed out",
};
/** The colour that a state has everywhere. */
export const TONE: Record<TaskStatus, string> = {
  QUEUED: "calm", RUNNING: "busy", WAITING_APPROVAL: "wait", SUCCEEDED: "good", FAILED: "bad", CANCELED: "calm", TIMED_OUT: "bad",
};
export const TIER: Record<RiskTier, { short: string; says: string; tone: string }> = {
  L0_READONLY: { short: "L0", says: "reads", tone: "calm" },
  L1_MUTATING: { short: "L1", says: "changes", tone: "busy" },
  L2_DESTRUCTIVE: { short: "L2", says: "destroys", tone: "wait" },
  L3_PRIVILEGED: { short: "L3", says: "privileged", tone: "bad" },
};

export const counted = (count: number, one: string, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
export const clock = (at: string) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const exact = (at: string) => new Date(at).toLocaleString([], { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** The day as far as it is not today, and the time. */
export function moment(at: string): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], { ...(isToday ? {} : { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

/** How long ago, or until when, in one short word. */
export function ago(at: string, now = Date.now()): string {
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  if (seconds < 0) return `in ${span(-seconds)}`;
  return seconds < 5 ? "now" : `${span(seconds)} ago`;
}

export function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit += 1; }
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

export const short = (count: number) => Intl.NumberFormat([], { notation: "compact", maximumFractionDigits: 1 }).format(count);
/** Millionths of the currency of the configured prices. */
export const money = (micros: number) => (micros / 1e6).toLocaleString([], { minimumFractionDigits: 2, maximumFractionDigits: micros && micros < 10_000 ? 4 : 2 });

/** The end of an id, enough to tell apart what stands side by side. */
export const tail = (id: string) => `…${id.slice(-5)}`;

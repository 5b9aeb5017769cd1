// The kinds of audit events, and what each is about in a few words.

import type { AuditEvent, Schemas } from "../../api/wire";
import { session } from "../../lib/session.svelte";

const NAMES: Record<Schemas["AuditKind"], true> = {
  "message.received": true,
  "input.flagged": true,
  "message.sent": true,
  "access.refused": true,
  "session.created": true,
  "session.ended": true,
  "task.created": true,
  "task.moved": true,
  "task.told": true,
  "model.called": true,
  "model.fell_back": true,
  "effect.intended": true,
  "effect.refused": true,
  "effect.settled": true,
  "effect.in_doubt": true,
  "approval.asked": true,
  "approval.decided": true,
  "approval.refused": true,
  "changes.applied": true,
  "changes.undone": true,
  "user.changed": true,
  "profile.changed": true,
  "invite.changed": true,
  "identity.changed": true,
  "pairing.changed": true,
  "grant.changed": true,
  "quota.reached": true,
  "connector.changed": true,
  "token.changed": true,
  "workspace.opened": true,
  "tools.changed": true,
  "policy.changed": true,
  "emergency.changed": true,
  "bypass.changed": true,
  "secret.touched": true,
  "egress.decided": true,
  "server.started": true,
  "server.stopped": true,
};
export const KINDS = Object.keys(NAMES) as Schemas["AuditKind"][];

const first = (body: Record<string, unknown>, ...names: string[]) => names.map((name) => body[name]).find((value) => typeof value === "string" && value) as string | undefined;

/** An event in a line. The whole of it is one click away. */
export function ABOUT(event: AuditEvent): string {
  const body = (event.body ?? {}) as Record<string, unknown>;
  const given = body.arguments as Record<string, unknown> | undefined;
  const action = given && (first(given, "command", "path", "url", "query", "note") ?? "");
  const parts = [
    first(body, "tool", "model", "what", "act", "decision", "summary", "failed", "title", "name", "control", "host"),
    action, first(body, "rationale", "why", "method"), first(body, "to"), first(body, "rule"), first(body, "path", "by"),
  ];
  const line = parts.filter(Boolean).join(" · ") || plain(body);
  return line.split("\n")[0]!.slice(0, 200);
}

/** Where nothing of the above is told: whom it is about, and the short words that stand in it. */
function plain(body: Record<string, unknown>): string {
  const isWord = (value: unknown) => typeof value === "string" && value.length < 60 && !/^(sha256:|[a-z]+_[0-9A-Z]{26})/.test(value);
  const words = Object.entries(body).filter(([name, value]) => name !== "user" && name !== "via" && isWord(value)).map(([name, value]) => `${name} ${value}`);
  const failed = body.is_error === true ? ["failed"] : body.is_error === false ? ["done"] : [];
  return [typeof body.user === "string" ? session.name(body.user) : "", ...failed, ...words].filter(Boolean).join(" · ");
}

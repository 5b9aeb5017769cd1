// A person's word on a question: bound to what was shown.

import { call, type Approval } from "../api/wire";
import { live } from "./live.svelte";

export interface Word { decision: "APPROVE" | "DENY"; answer?: string; remember?: "once" | "grant" }

export async function decide(approval: Approval, word: Word): Promise<void> {
  try {
    const decided = await call<Approval>("POST", `/v1/approvals/${approval.id}/decision`, { digest: approval.digest, ...word });
    live.approval(decided);
  } catch (problem) {
    if ((problem as { status?: number }).status === 409) await live.refresh();
    throw problem;
  }
}

export async function resolve(approval: Approval, answer: "happened" | "did_not" | "stop"): Promise<void> {
  await call("POST", `/v1/tasks/${approval.task}/resolve`, { effect: approval.effect, answer });
  await live.refresh();
}

export const cancel = (task: string) => call("POST", `/v1/tasks/${task}/cancel`).then(() => live.fetch(task));

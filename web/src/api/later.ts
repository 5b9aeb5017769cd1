// Bodies of endpoints that a server may serve besides those of the committed document.

import type { components } from "./schema";
type S = components["schemas"];
type Tier = S["RiskTier"];

export interface Later {
  Policy: { approvers?: Record<string, string>; four_eyes?: Tier[]; document?: Record<string, unknown>; table?: string; warnings?: string[] };
  Grant: { id: string; workspace: string; requester?: string | null; covers: string; kind: string; tier: Tier; granted_by: string; granted_at: string; expires_at?: string | null; revoked_at?: string | null };
  GrantList: { grants: Later["Grant"][] };
  Standing: { user: string; bypass: "ON" | "OFF"; scopes: { kind: string; name: string }[]; identities: { connector: string; external_id: string; display: string; linked_at: string }[] };
  PolicyVersion: { version: number; author: string; at: string; diff: string; document: Record<string, unknown> };
  PolicyHistory: { versions: Later["PolicyVersion"][] };
  Emergency: { pause_mutations: boolean; disable_bypass: boolean; changed_at?: string | null; changed_by?: string | null };
  ControlMoved: Later["Emergency"] & { cancelled: string[]; tokens_ended: number; sessions_ended: number; secrets_to_renew: string[] };
  Explained: { decision: string; tier: Tier; rule: string; source: string; rationale: string; deciders: { role: string; others: boolean; own: boolean }[] };
  ExplainedCall: { tool: string; role: string; in_view: Later["Explained"]; on_host: Later["Explained"] };
  Invite: { id: string; code: string; role: string; expires_at: string };
  InviteShown: { id: string; role: string; made_by: string; created_at: string; expires_at: string; used_at?: string | null; used_by?: string | null; revoked_at?: string | null };
  InviteList: { invites: Later["InviteShown"][] };
  PairingShown: { id: string; connector: string; external_id: string; display: string; created_at: string; expires_at: string };
  PairingList: { pairings: Later["PairingShown"][] };
}

// Who we are, and how the connection stands: the two things that every page needs to know.

import { call, onProblem, Problem, send, type Me, type Role, type Schemas, type User } from "../api/wire";
import { keep, recall } from "./memory";

const RANK: Role[] = ["viewer", "member", "operator", "admin", "overlord"];

class Session {
  me = $state<Me | null>(null);
  /** Whether we have asked at least once who we are. */
  isKnown = $state(false);
  why = $state("");
  /** Whether the server does not answer at the moment. */
  isAway = $state(false);
  /** Whether the server has another portal than this page. */
  isOutdated = $state(false);
  people = $state<Record<string, string>>({});
  private leaving: (() => void)[] = [];

  isAtLeast(role: Role) { return !!this.me && RANK.indexOf(this.me.user.role) >= RANK.indexOf(role); }
  get seesAll() { return this.isAtLeast("operator"); }
  isMe(id: string | null | undefined) { return !!id && id === this.me?.user.id; }

  /** A person's name, as far as we may know it. */
  name(id: string | null | undefined): string {
    if (!id) return "nobody";
    if (this.isMe(id)) return "you";
    return this.people[id] ?? (id.startsWith("user_") ? `a person (…${id.slice(-5)})` : id);
  }

  onLeave(act: () => void) { this.leaving.push(act); }

  async load() {
    try {
      const me = await call<Me>("GET", "/v1/me");
      const before = recall<string>("user");
      if (before && before !== me.user.id) this.forget();
      keep("user", me.user.id);
      this.me = me;
      this.why = "";
      this.isAway = false;
      if (this.seesAll) await this.loadPeople().catch(() => {});
    } finally {
      this.isKnown = true;
    }
  }

  async loadPeople() {
    const { users } = await call<Schemas["UserList"]>("GET", "/v1/users?limit=500");
    this.people = Object.fromEntries(users.map((user: User) => [user.id, user.name]));
  }

  /** An invitation that somebody followed, until he has come in by it. */
  invite = $state<string | null>(null);

  /** Comes in by an invitation. */
  async byInvite(name: string, password: string) {
    await call("POST", "/v1/invites/redeem", { code: this.invite, name, password });
    this.invite = null;
    await this.load();
  }

  /** Signs in by what stands behind `#code=`, and takes it out of the address first. */
  async byLink(): Promise<boolean> {
    const words = new URLSearchParams(location.hash.slice(1));
    if (words.get("invite")) {
      this.invite = words.get("invite");
      history.replaceState(null, "", location.pathname + location.search);
    }
    const code = words.get("code");
    if (!code) return false;
    history.replaceState(null, "", location.pathname + location.search);
    try {
      await call("POST", "/v1/sessions", { code });
      return true;
    } catch (problem) {
      this.why = problem instanceof Problem && problem.isPassing
        ? "The server does not answer. Open the link again when it is back."
        : "This link has been used or has expired. Start wardroom up again for a new one.";
      return false;
    }
  }

  async byPassword(name: string, password: string) {
    try {
      await call("POST", "/v1/sessions", { name, password });
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 401) {
        this.why = "This name and password do not fit.";
        return;
      }
      throw problem;
    }
    await this.load();
  }

  async leave() {
    const { sessions } = await call<Schemas["SessionList"]>("GET", "/v1/sessions");
    const mine = sessions.find((session) => session.current);
    if (mine) await send(`/v1/sessions/${mine.id}`, "DELETE");
    this.forget();
    this.signedOut("You are signed out.");
  }

  /** Another person comes, or this one goes: nothing of him stays on the screen. */
  forget() {
    keep("draft", null);
    keep("outbox", null);
    keep("conversation", null);
    this.leaving.forEach((act) => act());
  }

  signedOut(why: string) {
    this.me = null;
    this.why = why;
    this.isKnown = true;
  }
}

export const session = new Session();

onProblem((problem) => {
  if (problem.status === 401 && session.me) session.signedOut("You are not signed in any more. What you typed is kept.");
  if (problem.status === 0) session.isAway = true;
});

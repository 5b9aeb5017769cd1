// Reading what only some roles may read: what is refused or not there is null, not a failure.

import { call, Problem } from "../api/wire";

export async function maybe<T>(path: string): Promise<T | null> {
  try { return await call<T>("GET", path); } catch (problem) {
    if (problem instanceof Problem && [403, 404, 405, 501].includes(problem.status)) return null;
    throw problem;
  }
}

// Doing what a button asks for: what goes wrong is told at the top of the page.

import { Problem } from "../api/wire";
import { live } from "./live.svelte";

export async function act<T>(work: () => Promise<T>): Promise<T | undefined> {
  live.notice = "";
  try {
    return await work();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status !== 401 && problem.status !== 0) live.notice = problem.message;
    return undefined;
  }
}

// The whole journey by keyboard alone, on a phone: say what is wanted, see what would happen, approve
// it, read in the audit log what happened, undo it, sign out.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Wardroom, launch, openPage, until } from "./wardroom.mjs";

const STOPS_MAX = 150;
let wardroom;
let browser;
let page;

before(async () => {
  wardroom = new Wardroom();
  await wardroom.start();
  await wardroom.openWorkspace();
  browser = await launch();
  page = await openPage(browser, wardroom, { viewport: { width: 390, height: 844 } });
  await page.addInitScript(() => {
    globalThis.pressed = 0;
    for (const name of ["mousedown", "pointerdown", "touchstart"]) addEventListener(name, () => { globalThis.pressed += 1; }, true);
  });
  await page.goto(wardroom.link);
  await page.getByRole("heading", { name: "First steps" }).waitFor();
});

after(async () => {
  await browser?.close();
  await wardroom?.stop();
  wardroom?.remove();
});

/** What has the focus: its name, and whether a person sees that it has it. */
const focused = () => page.evaluate(() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const { top, bottom, width } = one.getBoundingClientRect();
  const framed = one.closest(".box, .command");
  return {
    name: (one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent ?? "").replace(/\s+/g, " ").trim(),
    tag: one.tagName,
    isMarked: style.outlineStyle !== "none" || style.boxShadow !== "none" || !!framed,
    isInSight: width > 0 && bottom > 0 && top < innerHeight,
  };
});

/** Presses Tab until something of that name has the focus, and is seen to have it. */
async function reach(name) {
  const passed = [];
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    await page.keyboard.press("Tab");
    const at = await focused();
    passed.push(`${at.tag} ${at.name.slice(0, 30)}`);
    if (!name.test(at.name)) continue;
    assert.ok(at.isMarked, `nothing shows that ${at.name} has the focus`);
    await until(`${at.name} in sight`, async () => (await focused()).isInSight);
    return;
  }
  assert.fail(`${name} is not reached by Tab: ${passed.join(" | ")}`);
}

test("said, decided, looked up, undone and left without a pointer", async () => {
  await reach(/^Folder/);
  await until("the folder", async () => {
    await page.keyboard.type(wardroom.work.slice(0, 2));
    return page.evaluate(() => document.activeElement.selectedOptions?.[0]?.textContent.startsWith("/"));
  });
  await reach(/^What is to be done/);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("tidy");
  await reach(/^Let the crew do it$/);
  await page.keyboard.press("Enter");

  await page.locator(".ask").getByText("May apply happen?").waitFor();
  await reach(/^Changes$/);
  await reach(/^Approve$/);
  assert.ok(existsSync(join(wardroom.work, "old.tmp")), "nothing has happened yet");
  await page.keyboard.press("Space");
  await page.getByText("That was the whole road").waitFor();
  assert.ok(!existsSync(join(wardroom.work, "old.tmp")));

  await reach(/^Its audit trail$/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/audit\?task=/);
  await page.locator("main ol li", { hasText: "changes.applied" }).waitFor();
  await reach(/^changes\.applied/);
  await page.keyboard.press("Enter");
  await page.locator("main .facts", { hasText: "Before it" }).waitFor();

  await page.keyboard.press("Escape");
  await reach(/^Tidy the folder$/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/task_/);
  await page.locator("main .diff").waitFor();
  await reach(/^Undo$/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByText("undone: the folder is as it was before").waitFor();
  assert.ok(existsSync(join(wardroom.work, "old.tmp")));

  await reach(/^More pages$/);
  await page.keyboard.press("Enter");
  await reach(/^Sign out$/);
  await page.keyboard.press("Enter");
  await page.getByText("You are signed out.").waitFor();
  assert.equal(await page.evaluate(() => globalThis.pressed), 0, "a pointer was used");
});

test("no script failed, no dialog opened, and nothing foreign was asked for", () => {
  assert.deepEqual(page.faults, []);
});

// Every page before a real server: what it shows, that hostile text stays text on it, that axe finds
// nothing, and a picture at three sizes.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Wardroom, launch, openPage, until } from "./wardroom.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = process.env.WARDROOM_SCREENSHOTS;
const SIZES = { phone: [390, 844], laptop: [1280, 800], wide: [1920, 1080] };
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let wardroom;
let browser;
let page;

before(async () => {
  wardroom = new Wardroom();
  await wardroom.start();
  await wardroom.openWorkspace();
  browser = await launch();
  page = await openPage(browser, wardroom);
  await page.goto(wardroom.link);
  await page.getByRole("heading", { name: "First steps" }).waitFor();
});

after(async () => {
  await browser?.close();
  await wardroom?.stop();
  wardroom?.remove();
});

const go = async (path, sign) => { await page.goto(`${wardroom.url}${path}`); await page.locator(sign).first().waitFor(); };
const ask = (path, init) => page.evaluate(async ([path, init]) => (await fetch(path, init)).json(), [path, init]);

/** A new conversation about the test's folder, with something in it to tidy. */
async function begin() {
  writeFileSync(join(wardroom.work, "old.tmp"), "left over\n");
  await go("/chat", "#text");
  await page.locator(".where select").selectOption({ label: wardroom.work });
}

async function say(text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

test("the guided beginning ends with something done", async () => {
  await page.getByRole("button", { name: "Let the crew do it" }).waitFor();
  await page.locator("select").selectOption({ label: wardroom.work });
  await page.fill("textarea", "tidy");
  await page.getByRole("button", { name: "Let the crew do it" }).click();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("That was the whole road").waitFor();
  await page.getByRole("button", { name: "Go on in the chat" }).click();
  await page.locator("#text").waitFor();
});

test("hostile text stays text in titles, output, file names, diffs, results and the audit log", async () => {
  await begin();
  await say("shout");
  await page.locator(".ask").waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.locator(".log .message.assistant", { hasText: "loud" }).waitFor();
  const { tasks } = await ask("/v1/tasks?limit=1");
  const id = tasks[0].id;
  const places = { [`/tasks/${id}`]: ".steps .output", "/tasks": ".tasks", [`/audit?task=${id}`]: "ol li", "/audit": ".events tbody", "/chat": ".talks li" };
  for (const [path, sign] of Object.entries(places)) {
    await go(path, sign);
    // What is hostile is there to be seen, or nothing was looked at.
    const hostile = { [`/tasks/${id}`]: "<script>alert(21)</script>", "/tasks": "<svg/onload=alert(20)>" }[path];
    if (hostile) await page.locator("main", { hasText: hostile }).waitFor();
    await until("everything opened", () => page.evaluate(() => { document.querySelectorAll("main details").forEach((more) => { more.open = true; }); return true; }));
    const records = page.locator("main").getByRole("button", { expanded: false }).filter({ hasText: /Details|effect\.intended/ });
    if (path.startsWith("/audit")) { await records.first().click(); await page.locator("main .facts").first().waitFor(); }
    const foreign = "main :is(script, iframe, style, form[action], object, embed, img, svg svg, [onclick], [onerror], [onload])";
    assert.equal(await page.locator(foreign).count(), 0, path);
  }
  assert.deepEqual(page.faults, []);
});

test("a giant output is cut, and shown whole when asked for", async () => {
  const { tasks } = await ask("/v1/tasks?limit=1");
  await go(`/tasks/${tasks[0].id}`, ".steps .output");
  const output = page.locator(".steps .output").first();
  const before = (await output.textContent()).length;
  assert.ok(before <= 1700, `${before} signs at first`);
  await page.getByRole("button", { name: /Show all of it/ }).first().click();
  await until("the whole output", async () => (await output.textContent()).length > 10_000);
});

test("a task shows its turns, actions with tier and rule, decisions, changes, cost and sub-tasks", async () => {
  const { tasks } = await ask("/v1/tasks?limit=50");
  const tidy = tasks.find(({ title }) => title === "Tidy the folder");
  await go(`/tasks/${tidy.id}`, ".steps li");
  for (const part of ["Model turn", "rehearsal", "shell", "Allowed by", "Asked", "approved by you", "Applied to the workspace", "Model calls", "applied to the workspace", "Tidy the folder"]) {
    await until(`"${part}" of the task`, async () => (await page.locator("main").textContent()).replace(/\s+/g, " ").includes(part));
  }
  await go("/chat", "#text");
  await say("split");
  await page.locator(".log .message.assistant", { hasText: "Both halves" }).waitFor();
  const parent = (await ask("/v1/tasks?limit=50")).tasks.find(({ title }) => title === "Split the work");
  await go(`/tasks/${parent.id}`, "aside h2");
  await page.locator("aside", { hasText: "Sub-tasks" }).getByText("Measure something").waitFor();
});

test("a running task is steered, stopped, and tried again", async () => {
  await go("/tasks", "h1");
  await page.fill("[aria-label='A task for an executor']", "Tick for me");
  await page.getByRole("button", { name: "Begin" }).click();
  await page.locator("#main").getByRole("link", { name: "Tick for me" }).click();
  await page.locator(".now pre", { hasText: "tick" }).waitFor();
  await page.fill("#tell", "a little faster");
  await page.getByRole("button", { name: "Tell" }).click();
  await page.getByText("It hears this at its next boundary").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Stop it now?" }).click();
  await page.locator("header").getByText("stopped", { exact: true }).waitFor();
  const first = page.url();
  await page.getByRole("button", { name: "Retry" }).click();
  await page.waitForURL((url) => url.href !== first);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Stop it now?" }).click();
  await page.locator("header").getByText("stopped", { exact: true }).waitFor();
});

test("approvals are decided from the keyboard, in place, and stand in the history", async () => {
  await page.keyboard.press("Escape");
  for (const text of ["tidy", "tidy the second"]) {
    await begin();
    await say(text);
    await page.locator(".ask").waitFor();
  }
  // The shortcuts come late: a key that was pressed before them is heard once, not twice.
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route("**/assets/Overlays-*.js", async (route) => { await held; await route.fallback(); });
  await go("/approvals", ".ask");
  await page.locator(".ask").nth(1).waitFor();
  await page.locator("h1").click();
  await page.keyboard.press("j");
  await page.locator(".ask.chosen").nth(0).waitFor();
  const isSecond = async () => /chosen/.test(await page.locator(".ask").nth(1).getAttribute("class"));
  await until("the second, chosen", isSecond);
  release();
  await until("the palette", async () => {
    await page.keyboard.press("Control+k");
    return page.locator("[role=dialog] input").isVisible();
  });
  await page.keyboard.press("Escape");
  await page.locator("[role=dialog]").waitFor({ state: "detached" });
  await page.unroute("**/assets/Overlays-*.js");
  assert.ok(await isSecond(), "the key was heard twice");
  await page.keyboard.press("Shift+D");
  await page.locator(".decided.bad").waitFor();
  await page.keyboard.press("Shift+D");
  await page.locator(".decided.bad").nth(1).waitFor();
  await page.getByRole("tab", { name: "History" }).click();
  await page.locator(".decided", { hasText: "Approved by you" }).first().waitFor();
  await page.locator("[aria-label='How it ended']").selectOption("DENY");
  await page.locator(".decided.good").first().waitFor({ state: "detached" });
});

test("an approval that is decided in one tab shows in the other", async () => {
  await begin();
  await say("tidy");
  await page.locator(".ask").waitFor();
  const second = await page.context().newPage();
  await second.goto(`${wardroom.url}/approvals`);
  await second.locator(".ask").getByRole("button", { name: "Deny" }).click();
  await second.locator(".decided", { hasText: "Denied by you" }).waitFor();
  await page.bringToFront();
  await page.locator(".decided", { hasText: "Denied by you" }).waitFor();
  await second.close();
});

test("the audit log is searched, verified, exported, and followed from message to effect", async () => {
  await go("/audit", ".events tbody tr");
  await page.getByLabel("Kind").selectOption("approval.decided");
  await page.waitForURL(/kind=approval.decided/);
  await page.waitForFunction(() => [...document.querySelectorAll(".events tbody code")].every((code) => code.textContent === "approval.decided"));
  await page.getByLabel("Tier").selectOption("L0_READONLY");
  await page.getByText("No event fits").waitFor();
  await page.getByRole("link", { name: "Clear the search" }).click();
  await page.getByLabel("Words").fill("REHEARSAL");
  await page.getByLabel("Words").press("Enter");
  await page.waitForURL(/words=REHEARSAL/);
  await page.locator(".events tbody code", { hasText: "model.called" }).first().waitFor();
  await page.getByLabel("Words").fill("nowhere to be found");
  await page.getByLabel("Words").press("Enter");
  await page.getByText("No event fits").waitFor();
  await page.getByRole("link", { name: "Clear the search" }).click();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText(/Intact: \d/).waitFor();
  const exported = await page.evaluate(async () => (await (await fetch("/v1/audit-events/export")).text()).trim().split("\n").length);
  assert.ok(exported > 50, `${exported} lines`);
  const tidy = (await ask("/v1/tasks?limit=50")).tasks.find(({ title, applied }) => title === "Tidy the folder" && applied);
  await go(`/audit?task=${tidy.id}`, "ol li");
  const story = await page.locator("ol li code").allTextContents();
  const order = ["message.received", "task.created", "model.called", "effect.intended", "approval.asked", "approval.decided", "changes.applied", "message.sent"];
  const places = order.map((kind) => story.indexOf(kind));
  assert.ok(places.every((place) => place >= 0), `${order} in ${story}`);
  assert.ok(places[0] < places[1] && places[4] < places[5] && places[5] < places[6], `${places}`);
});

test("the palette, the shortcuts and the colours answer to the keyboard", async () => {
  await go("/tasks", "h1");
  await page.locator("h1").click();
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("[role=dialog]").waitFor({ state: "detached" });
  await until("the usage page", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("u");
    return /\/usage$/.test(page.url());
  });
  await page.keyboard.press("Control+k");
  await page.locator("[role=dialog] input").waitFor();
  await page.keyboard.type("emergency");
  await page.locator("[role=dialog] [data-selected]", { hasText: "Emergency controls" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/policy\/emergency$/);
  await page.getByRole("button", { name: /^Colours/ }).click();
  await page.locator("html[data-theme=light]").waitFor();
  await page.getByRole("button", { name: /^Colours/ }).click();
  await page.locator("html[data-theme=dark]").waitFor();
  await page.getByRole("button", { name: /^Colours/ }).click();
});

test("a task that is not there any more, and a page that never was, say so", async () => {
  await go("/tasks/task_01J00000000000000000000000", "h1");
  await page.getByText("This task is not here").waitFor();
  await go("/chat", "#text");
  await page.evaluate(() => { history.pushState(null, "", "/nowhere"); dispatchEvent(new PopStateEvent("popstate")); });
  await page.getByText("There is nothing here").waitFor();
});

/** The pages, each with what shows that it stands. */
const PAGES = {
  welcome: ["/welcome", "main h2"], chat: ["/chat", "#text"], tasks: ["/tasks", ".tasks tbody td a"], task: [null, ".steps li"], approvals: ["/approvals", ".ask"],
  connectors: ["/settings/connectors", "h3"], profile: ["/settings/profile", "form[aria-busy=false]"], models: ["/settings/models", ".models h2"], emergency: ["/policy/emergency", "main h2 >> nth=0"], explain: ["/policy/explain", "main form"],
  crew: ["/crew", ".agents section"], audit: ["/audit", ".events tbody tr"], incident: [null, "ol li"], policy: ["/policy", "main table"], usage: ["/usage", ".plot rect"], settings: ["/settings/people", "main table td"],
};

test("axe finds nothing on any page in either theme, and every page has its picture", async () => {
  await begin();
  await say("repeat: ## What was found\n\nThe **build** leaves two kinds of files behind:\n\n1. `*.tmp`, written by the old exporter\n2. `*.bak`, from an editor\n\n```sh\nfind . -name '*.tmp' -mtime +7 -delete\n```");
  await page.locator(".log .assistant").first().waitFor();
  await say("tidy");
  await page.locator(".ask").waitFor();
  const chat = new URL(page.url()).pathname;
  const tidy = (await ask("/v1/tasks?limit=50")).tasks.find(({ title, applied }) => title === "Tidy the folder" && applied);
  const paths = { ...PAGES, chat: [chat, ".ask"], task: [`/tasks/${tidy.id}`, ".steps li"], incident: [`/audit?task=${tidy.id}`, "ol li"] };
  if (PICTURES) mkdirSync(PICTURES, { recursive: true });
  const state = await page.context().storageState();
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    const looker = await openPage(browser, wardroom, { storageState: state, colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    for (const [name, [path, sign]] of Object.entries(paths)) {
      for (const [size, [width, height]] of Object.entries(SIZES)) {
        if (size === "wide" && !(PICTURES && colorScheme === "light")) continue;
        await looker.setViewportSize({ width, height });
        if (size === "phone" || !looker.url().endsWith(path)) await looker.goto(`${wardroom.url}${path}`);
        await looker.locator(sign).first().waitFor();
        await looker.waitForTimeout(PICTURES ? 900 : 200);
        await until(`${name} no wider than a ${size}`, () => looker.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        if (PICTURES && (colorScheme === "light" || size === "laptop")) {
          await looker.screenshot({ path: join(PICTURES, `${name}-${size}${colorScheme === "dark" ? "-dark" : ""}.png`) });
        }
      }
      await looker.evaluate(AXE);
      const { violations } = await looker.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
      found.push(...violations.map(({ id, nodes }) => `${name} (${colorScheme}): ${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary.split("\n")[1] ?? ""}`).join(" | ")}`));
    }
    await looker.context().close();
  }
  assert.deepEqual(found, []);
});

test("no script failed, no dialog opened, and nothing foreign was asked for", () => {
  assert.deepEqual(page.faults, []);
});

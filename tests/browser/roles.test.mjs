// Every page as a member, an operator and an admin: each sees what is his, and nothing of another's.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PASSWORD, Wardroom, launch, openPage, until } from "./wardroom.mjs";

const HEBREW = "דנה";
const PEOPLE = { mia: "member", otto: "operator", [HEBREW]: "admin" };

let wardroom;
let browser;
const pages = {};

before(async () => {
  wardroom = new Wardroom();
  await wardroom.start();
  await wardroom.openWorkspace();
  browser = await launch();
  for (const [name, role] of Object.entries(PEOPLE)) {
    wardroom.run(["user", "add", name, "--role", role]);
    wardroom.run(["user", "password", name], `${PASSWORD}\n`);
    const page = await openPage(browser, wardroom);
    await page.goto(wardroom.url);
    await page.fill("[name=name]", name);
    await page.fill("[name=password]", PASSWORD);
    await page.press("[name=password]", "Enter");
    await page.locator("#main").waitFor();
    pages[role] = page;
  }
});

after(async () => {
  await browser?.close();
  await wardroom?.stop();
  wardroom?.remove();
});

const go = async (page, path, sign = "main h1") => { await page.goto(`${wardroom.url}${path}`); await page.locator(sign).first().waitFor(); await page.waitForTimeout(500); };
const text = async (page) => (await page.locator("main").textContent()).replace(/\s+/g, " ");
const asked = (page, path) => page.evaluate(async (path) => (await fetch(path)).status, path);

test("every page opens for every role, without an error on it", async () => {
  for (const [role, page] of Object.entries(pages)) {
    for (const path of ["/chat", "/tasks", "/approvals", "/crew", "/audit", "/policy", "/policy/explain", "/policy/documents", "/policy/bypass", "/policy/emergency", "/usage", "/settings", "/settings/profile", "/settings/people", "/settings/tokens", "/settings/models", "/settings/connectors", "/settings/secrets", "/welcome"]) {
      await go(page, path, path === "/chat" ? "#text" : "main h1");
      const wrong = await page.locator("[role=alert]").allTextContents();
      assert.deepEqual(wrong.filter((words) => words.trim()), [], `${role} at ${path}`);
    }
    assert.deepEqual(page.faults, [], role);
  }
});

test("a member sees his own work only; an operator and an admin see it too", async () => {
  const { member, operator, admin } = pages;
  await go(member, "/chat", "#text");
  await member.fill("#text", "count slowly");
  await member.press("#text", "Enter");
  await member.locator("article.task", { hasText: "Count slowly" }).waitFor();
  for (const page of [operator, admin]) {
    await go(page, "/tasks");
    await page.locator(".tasks", { hasText: "Count slowly" }).waitFor();
    await page.locator(".tasks", { hasText: "mia" }).waitFor();
  }
  await go(admin, "/tasks");
  await admin.fill("[aria-label='A task for an executor']", "Tick as the admin");
  await admin.getByRole("button", { name: "Begin" }).click();
  await admin.locator(".tasks", { hasText: "Tick as the admin" }).waitFor();
  const id = new URL(await admin.locator(".tasks a", { hasText: "Tick as the admin" }).evaluate((link) => link.href)).pathname;
  await go(member, "/tasks");
  assert.doesNotMatch(await text(member), /Tick as the admin/);
  await go(member, id);
  await member.getByText("This task is not here").waitFor();
  for (const page of [member, admin]) await page.evaluate(async () => {
    const { tasks } = await (await fetch("/v1/tasks?open=true")).json();
    for (const { id } of tasks) await fetch(`/v1/tasks/${id}/cancel`, { method: "POST" });
  });
});

test("what is an admin's is neither shown to a member nor served to him", async () => {
  const { member, operator, admin } = pages;
  await go(member, "/audit");
  assert.equal(await member.getByRole("button", { name: "Verify" }).count(), 0);
  for (const page of [member, operator]) {
    assert.equal(await page.evaluate(async () => (await fetch("/v1/audit-events/verify", { method: "POST" })).status), 403);
    assert.equal(await asked(page, "/v1/audit-events/export"), 403);
  }
  await go(member, "/settings/people");
  await member.getByText("takes the role operator; yours is member").waitFor();
  await go(operator, "/settings/people");
  assert.equal(await operator.getByRole("button", { name: "Suspend" }).count(), 0);
  await go(admin, "/settings/people");
  await admin.getByRole("button", { name: "Suspend" }).first().waitFor();
  await go(admin, "/settings/secrets");
  await admin.getByText("takes the role overlord").waitFor();
});

test("an admin adds a person, makes a token that is shown once, and tests a model", async () => {
  const { admin } = pages;
  await go(admin, "/settings/people");
  await admin.locator("form", { hasText: "Add by hand" }).getByLabel("Name").fill("vera");
  await admin.getByRole("button", { name: "Add", exact: true }).click();
  await admin.locator("td", { hasText: "vera" }).waitFor();
  await go(admin, "/settings/tokens");
  await admin.getByLabel("What for").fill("nightly");
  await admin.getByRole("button", { name: "Make it" }).click();
  const secret = (await admin.locator(".secret code").textContent()).trim();
  assert.match(secret, /^wr_/);
  const me = await fetch(`${wardroom.url}/v1/me`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(me.status, 200);
  await admin.reload();
  await admin.locator("td", { hasText: "nightly" }).waitFor();
  assert.ok(!(await admin.content()).includes(secret));
  await go(admin, "/settings/models");
  await admin.getByRole("button", { name: "Test" }).click();
  await admin.getByText(/It answers, after \d+ ms/).waitFor();
});

test("the profile of the coordinator is an admin's, one's own is everybody's", async () => {
  const { admin, member } = pages;
  await go(admin, "/settings/profile");
  const agent = admin.locator("form", { hasText: "The coordinator" });
  await agent.getByLabel("Its name here").fill("Bosun <img src=x onerror=alert(1)>");
  await agent.getByLabel("What it is like").fill("Calm");
  await agent.getByRole("button", { name: "Keep for everybody" }).click();
  await agent.getByText("Kept.").waitFor();
  await go(member, "/settings/profile");
  await member.waitForFunction(() => document.querySelectorAll("form")[1]?.querySelector("input")?.value.startsWith("Bosun <img"));
  const read = member.locator("form", { hasText: "The coordinator" });
  assert.equal(await read.getByLabel("Its name here").getAttribute("readonly"), "");
  assert.equal(await read.getByRole("button").count(), 0);
  const own = member.locator("form", { hasText: "About you" });
  await own.getByLabel("What it calls you").fill("Mimi");
  await own.getByRole("button", { name: "Keep" }).click();
  await own.getByText("Kept.").waitFor();
  await member.reload();
  await member.waitForFunction(() => document.querySelector("form input")?.value === "Mimi");
  const answer = await member.evaluate(async () => (await fetch("/v1/profiles/agent", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "Mine" }) })).status);
  assert.equal(answer, 403);
});

test("an admin limits one person, who sees it and can change nothing", async () => {
  const { admin, member } = pages;
  await go(admin, "/usage");
  const row = admin.locator("tr", { hasText: "mia" });
  await row.getByRole("button", { name: "Change", exact: true }).click();
  await admin.getByLabel("Messages a minute").fill("7");
  await admin.getByLabel("Money a month").fill("12.5");
  await admin.getByRole("button", { name: "Set", exact: true }).click();
  await row.getByText("12.50").waitFor();
  await row.getByText("0 %").waitFor();
  await go(member, "/usage");
  await member.locator("tbody tr", { hasText: "12.50" }).waitFor();
  assert.equal(await member.getByRole("button", { name: "Change", exact: true }).count(), 0);
  assert.equal(await member.locator("tr", { hasText: "otto" }).count(), 0, "others are not his to see");
});

test("a connector is listed for everybody, and tried by an admin", async () => {
  const { admin, member } = pages;
  await go(admin, "/settings/connectors", "h3");
  await admin.getByRole("button", { name: "Test telegram:main" }).click();
  await admin.getByText(/It answers, after \d+ ms; we are crew_bot/).waitFor();
  await go(member, "/settings/connectors", "h3");
  assert.equal(await member.getByRole("button", { name: /^Test/ }).count(), 0);
});

test("on a phone everything fits, has a name to be read aloud, and is reached by Tab", async () => {
  const { member, admin } = pages;
  for (const page of [member, admin]) await page.setViewportSize({ width: 390, height: 844 });
  for (const [role, page] of Object.entries({ member, admin })) {
    for (const path of ["/chat", "/tasks", "/approvals", "/crew", "/audit", "/policy", "/usage", "/settings/profile", "/settings/people", "/settings/connectors"]) {
      await go(page, path, path === "/chat" ? "#text" : "main h1");
      await until(`${path} no wider than a phone for a ${role}`, () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
      // Whatever can be pressed has a name that is read aloud.
      const nameless = await page.evaluate(() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
        .filter((one) => one.checkVisibility() && !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length || one.title || one.getAttribute("aria-labelledby")))
        .map((one) => one.outerHTML.slice(0, 120)));
      assert.deepEqual(nameless, [], `${path} for a ${role}`);
    }
  }
  // Tab reaches what is in the page, and shows where it is.
  await go(admin, "/settings/profile");
  await admin.locator("main h1").click();
  const reached = new Set();
  for (let step = 0; step < 80; step += 1) {
    await admin.keyboard.press("Tab");
    const at = await admin.evaluate(() => { const one = document.activeElement; const style = getComputedStyle(one); return { name: one.tagName + (one.labels?.[0]?.textContent ?? one.textContent).trim().slice(0, 40), isShown: style.outlineStyle !== "none" || style.boxShadow !== "none" }; });
    reached.add(at.name);
    if (/^(BUTTON|INPUT|TEXTAREA|A)/.test(at.name)) assert.ok(at.isShown, `nothing shows that ${at.name} has the focus`);
  }
  assert.ok([...reached].some((name) => /Keep for everybody/.test(name)), [...reached].join(" | "));
  for (const page of [member, admin]) await page.setViewportSize({ width: 1366, height: 768 });
});

test("a name that runs from right to left leaves the rest where it is", async () => {
  const { operator } = pages;
  await go(operator, "/settings/people");
  const row = operator.locator("tr", { hasText: HEBREW });
  const [name, role] = [await row.locator("bdi").boundingBox(), await row.locator("td").nth(1).boundingBox()];
  assert.ok(name.x < role.x, "the name stands in its own column");
});

test("whoever is suspended hears nothing more, in a page that stands open", async () => {
  const { member, admin } = pages;
  await go(member, "/tasks");
  await go(admin, "/settings/people");
  const row = admin.locator("tr", { hasText: "mia" });
  await row.getByRole("button", { name: "Suspend" }).click();
  await row.getByRole("button", { name: "Suspend him?" }).click();
  await row.getByText("suspended").waitFor();
  await member.bringToFront();
  await member.locator("#signin").waitFor();
});

test("no script failed, no dialog opened, and nothing foreign was asked for", () => {
  for (const page of Object.values(pages)) assert.deepEqual(page.faults, []);
});

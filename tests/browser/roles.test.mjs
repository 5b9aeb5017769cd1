// Every page as a member, an operator and an admin: each sees what is his, and nothing of another's.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PASSWORD, SLOW_MS, Wardroom, launch, openPage } from "./wardroom.mjs";

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
    page.setDefaultTimeout(SLOW_MS);
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
    for (const path of ["/chat", "/tasks", "/approvals", "/crew", "/audit", "/policy", "/policy/explain", "/policy/documents", "/policy/bypass", "/policy/emergency", "/usage", "/settings", "/settings/people", "/settings/tokens", "/settings/models", "/settings/connectors", "/settings/secrets", "/welcome"]) {
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
    assert.match(await text(page), /mia/);
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
  assert.match(await text(member), /takes the role operator; yours is member/);
  await go(operator, "/settings/people");
  assert.equal(await operator.getByRole("button", { name: "Suspend" }).count(), 0);
  await go(admin, "/settings/people");
  await admin.getByRole("button", { name: "Suspend" }).first().waitFor();
  await go(admin, "/settings/secrets");
  assert.match(await text(admin), /takes the role overlord/);
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

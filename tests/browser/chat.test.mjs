// The chat before a real server: what a person does in it, and what must never happen in it.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CORPUS, PASSWORD, Wardroom, launch, openPage, until } from "./wardroom.mjs";

let wardroom;
let browser;
let page;

before(async () => {
  wardroom = new Wardroom();
  await wardroom.start();
  assert.equal(await wardroom.openWorkspace(), 200);
  browser = await launch();
  page = await openPage(browser, wardroom);
});

after(async () => {
  await browser?.close();
  await wardroom?.stop();
  wardroom?.remove();
});

async function say(text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

const message = (speaker, where = page) => where.locator(`.log .message.${speaker}:not(.pending):not(.writing)`);
const replied = (text) => message("assistant").filter({ hasText: text }).first().waitFor();
const task = (title, where = page) => where.locator("article.task").filter({ hasText: title }).last();
const press = (where, name) => where.getByRole("button", { name, exact: true }).click();
const speakers = () => page.locator(".log .message:is(.user, .assistant):not(.pending):not(.writing)").evaluateAll((all) => all.map((one) => one.dataset.speaker));
const fresh = async (where = page) => { await where.goto(`${wardroom.url}/chat`); await where.locator("#text").waitFor(); };

test("the page brings nothing that could turn text into HTML", async () => {
  const served = await fetch(wardroom.url);
  const policy = served.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /require-trusted-types-for 'script'; trusted-types 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  assert.equal(served.headers.get("cache-control"), "no-cache");
  const markup = await served.text();
  assert.doesNotMatch(markup, /<style|\son\w+=|style=|<script(?![^>]*src=)/);
  const script = markup.match(/src="(\/assets\/[^"]+\.js)"/)[1];
  const asset = await fetch(`${wardroom.url}${script}`);
  assert.match(asset.headers.get("cache-control"), /immutable/);
  assert.equal((await fetch(`${wardroom.url}/assets/index-gone.js`)).status, 404);
});

test("a stranger is told how to get in, and a used link is none", async () => {
  await page.goto(wardroom.url);
  await page.getByText("Open the one-time link that wardroom up prints").waitFor();
  await page.goto(`${wardroom.url}/#code=wrong`);
  await page.getByText("This link has been used or has expired").waitFor();
  assert.equal(new URL(page.url()).hash, "");
});

test("the link signs in, leaves the address, and shows a newcomer around", async () => {
  await page.goto(wardroom.link);
  await page.getByRole("heading", { name: "First steps" }).waitFor();
  assert.equal(page.url(), `${wardroom.url}/welcome`);
  assert.equal(await page.locator("#me-role").textContent(), "overlord");
  await fresh();
  await page.locator(".where select").selectOption({ label: wardroom.work });
});

test("hello is answered, in order, once", async () => {
  await say("hello");
  await replied("Say tidy and the crew begins");
  await page.locator(".message.pending").waitFor({ state: "detached" });
  await message("user").first().waitFor();
  assert.deepEqual(await speakers(), ["You", "Coordinator"]);
  assert.equal(await page.locator(".log strong", { hasText: "tidy" }).count(), 1);
  assert.match(page.url(), /\/chat\/conv_/);
});

test("work waits for a decision, is applied, shown and undone", async () => {
  await say("tidy");
  const ask = task("Tidy the folder").locator(".ask");
  await ask.waitFor();
  const words = await ask.textContent();
  for (const part of ["May apply happen?", "L2_DESTRUCTIVE", "Because", "Rule", "sha256:", "expires in", wardroom.work]) {
    assert.ok(words.includes(part), `the question lacks ${part}: ${words}`);
  }
  const lines = (kind) => ask.locator(`.diff .${kind} .words`).allTextContents();
  assert.deepEqual(await lines("added"), ["+<img src=x onerror=alert(1)>", "+one", "+two"]);
  assert.deepEqual(await lines("removed"), ["-left over"]);
  assert.match(await ask.locator("figcaption").textContent(), /^3 lines added, 1 removed/);
  assert.ok(existsSync(join(wardroom.work, "old.tmp")), "nothing has happened yet");
  await until("the title that counts", async () => await page.title() === "(1) Chat · Wardroom");
  await fitsPhone();

  await press(ask, "Approve");
  await task("Tidy the folder").getByText("Its changes are applied.").waitFor();
  await replied("The folder is tidy.");
  assert.ok(!existsSync(join(wardroom.work, "old.tmp")));
  assert.equal(readFileSync(join(wardroom.work, "list.txt"), "utf8"), "one\ntwo\n");

  await press(task("Tidy the folder"), "Show changes");
  await task("Tidy the folder").locator(".diff .added").first().waitFor();
  await press(task("Tidy the folder"), "Undo");
  await press(task("Tidy the folder"), "Undo: put everything back?");
  await task("Tidy the folder").getByText("Undone").waitFor();
  assert.equal(readFileSync(join(wardroom.work, "old.tmp"), "utf8"), "left over\n");
  assert.ok(!existsSync(join(wardroom.work, "list.txt")));
});

/** On a phone nothing but a diff is wider than the screen, and the decision stands in sight. */
async function fitsPhone() {
  await page.setViewportSize({ width: 390, height: 844 });
  await until("a page no wider than a phone", () => page.evaluate(() => innerWidth === 390 && [document.documentElement, document.querySelector(".pane")].every((pane) => pane.scrollWidth <= pane.clientWidth)));
  await until("Approve in sight", async () => {
    const { y, height } = await page.getByRole("button", { name: "Approve" }).boundingBox();
    return height >= 34 && y > 0 && y + height < 844;
  });
  await page.setViewportSize({ width: 1366, height: 768 });
}

test("a refusal leaves everything as it was", async () => {
  await say("tidy once more");
  const card = task("Tidy the folder");
  await card.locator(".ask").waitFor();
  await press(card, "Deny");
  await card.getByText("Denied by you: apply").waitFor();
  await card.getByText("Its changes are not applied.").waitFor();
  await replied("Its changes were not applied.");
  assert.ok(existsSync(join(wardroom.work, "old.tmp")));
});

test("output runs along while a command does, and stops when asked", async () => {
  await say("count slowly");
  const card = task("Count slowly");
  await card.locator(".tail", { hasText: /tick \d+ <b>x<\/b>/ }).waitFor();
  await card.getByText("shell for i in").waitFor();
  await press(page.locator(".composer"), "Stop");
  await card.getByText("stopped", { exact: true }).waitFor();
  await replied("stopped by owner");
  await page.locator(".composer").getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
});

test("a question in words takes an answer in words", async () => {
  await say("ask me");
  const card = task("Choose a colour");
  await card.getByText("A task asks: Which colour?").waitFor();
  await press(card, "<i>blue</i>");
  await press(card, "Answer");
  await replied("<i>blue</i>");
});

test("a file is attached by paste, goes along, and a hostile name stays text", async () => {
  await page.locator("#text").evaluate((field) => {
    const data = new DataTransfer();
    data.items.add(new File(["<script>alert(1)</script>"], `../<img src=x onerror=alert(4)>.txt`, { type: "text/html" }));
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.locator(".attached li").waitFor();
  assert.match(await page.locator(".attached li").textContent(), /img src=x onerror=alert\(4\)/);
  const before = await message("user").count();
  await say("repeat: with a file");
  await message("user").nth(before).locator(".files").waitFor();
  assert.equal(await page.locator(".attached li").count(), 0);
  assert.equal(await page.locator(".log img").count(), 0);
});

test("whatever is said stays text", async () => {
  for (const text of CORPUS) {
    const before = await message("assistant").count();
    await say(`repeat: ${text}`);
    await message("assistant").nth(before).waitFor();
  }
  const foreign = ".log :is(script, img, iframe, style, form, object, embed, svg svg, [onclick], [onerror], [onload], [onmouseover], [src])";
  assert.equal(await page.locator(foreign).count(), 0);
  assert.equal(await page.title(), "Chat · Wardroom");
  const links = await page.locator(".log .markdown a").evaluateAll((all) => all.map((link) => [link.protocol, link.rel, link.parentElement.textContent.includes(link.href)]));
  assert.ok(links.length > 0);
  for (const link of links) assert.deepEqual(link, ["https:", "noopener noreferrer nofollow", true]);
  const odd = await page.locator(".log .odd-sign").allTextContents();
  for (const sign of ["\\u{202e}", "\\u{200b}", "\\u{7}", "\\u{2066}"]) assert.ok(odd.includes(sign), sign);
  await page.locator(".message.pending").waitFor({ state: "detached" });
  const last = await message("user").last().locator(".words").textContent();
  assert.doesNotMatch(last, /[\u202e\u200b\u0007\u2066]/);
});

test("Markdown is shown as such, and code is copied whole", async () => {
  const before = await message("assistant").count();
  await say("repeat: # Title\n\n1. one\n2. two\n   - deep\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n```rust\nfn main() {}\n```\n\n~~gone~~ **bold** *slanted*");
  const body = message("assistant").nth(before);
  await body.locator("table td").first().waitFor();
  assert.equal(await body.locator("h3").textContent(), "Title");
  assert.equal(await body.locator("ol > li").count(), 2);
  assert.equal(await body.locator("ol ul li").textContent(), "deep");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await press(body, "Copy");
  await body.getByText("Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "fn main() {}");
});

test("a giant message with awkward signs is shown, and the page goes on", async () => {
  const awkward = ["*".repeat(4000), "`".repeat(3999), "[".repeat(4000), ">".repeat(4000), "**a ".repeat(2000), "` `` ".repeat(1500)].join("\n\n");
  const before = await message("assistant").count();
  await say(`repeat: ${awkward}`);
  await message("assistant").nth(before).waitFor();
  // Long enough to be awkward and too short for a limit on any one sign: an expression that goes back
  // over such a text never ends.
  for (const text of ["**a ".repeat(450), "_a `b ".repeat(300)]) {
    const before = await message("assistant").count();
    await say(`repeat: ${text}`);
    await message("assistant").nth(before).waitFor();
  }
});

test("a reload shows the same conversation, and keeps what was typed", async () => {
  await page.locator(".message.pending").waitFor({ state: "detached" });
  const before = await speakers();
  await page.fill("#text", "half a sentence");
  await page.reload();
  await task("Choose a colour").getByText("done", { exact: true }).waitFor();
  assert.deepEqual(await speakers(), before);
  assert.equal(await page.inputValue("#text"), "half a sentence");
  assert.equal(await page.locator(".ask").count(), 0);
});

test("the server goes and comes back, and nothing typed is lost", async () => {
  assert.equal(await wardroom.stop(), 0);
  await page.getByText("The server is away; trying again").waitFor();
  await say("hello once more");
  await page.locator(".message.pending", { hasText: "hello once more" }).waitFor();
  await page.fill("#text", "still typing");
  const before = await message("assistant").count();
  await wardroom.start();
  await message("assistant").nth(before).waitFor();
  await page.locator(".message.pending").waitFor({ state: "detached" });
  assert.equal(await message("user").filter({ hasText: "hello once more" }).count(), 1);
  await until("the server's coming back", async () => !/away/.test(await page.locator("#link").textContent()));
  assert.equal(await page.inputValue("#text"), "still typing");
});

test("a question from elsewhere is shown, and goes when it is decided elsewhere", async () => {
  await fresh();
  const other = await openPage(browser, wardroom);
  await other.goto(wardroom.link);
  await other.locator("#main").waitFor();
  await fresh(other);
  await other.locator(".where select").selectOption({ label: wardroom.work });
  await other.fill("#text", "tidy");
  await other.press("#text", "Enter");
  await other.locator(".ask").waitFor();
  await page.locator(".elsewhere", { hasText: "Tidy the folder" }).click();
  const ask = page.locator(".ask").filter({ hasText: "Tidy the folder" });
  await press(ask, "Deny");
  await page.getByText("Denied by you").waitFor();
  await other.getByText("Denied by you: apply").waitFor();
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test("signing out ends the session, and a password opens another", async () => {
  await press(page.locator("nav"), "Sign out");
  await page.getByText("You are signed out.").waitFor();
  assert.equal(await page.evaluate(async () => (await fetch("/v1/me")).status), 401);
  await page.fill("[name=name]", "owner");
  await page.fill("[name=password]", "not the password");
  await page.press("[name=password]", "Enter");
  await page.getByText("This name and password do not fit.").waitFor();
  wardroom.run(["user", "password", "owner"], `${PASSWORD}\n`);
  await page.fill("[name=password]", PASSWORD);
  await page.press("[name=password]", "Enter");
  await page.locator("#main").waitFor();
  await fresh();
});

test("a session that ends in the middle loses nothing that was said", async () => {
  await page.evaluate(async () => {
    const { sessions } = await (await fetch("/v1/sessions")).json();
    await fetch(`/v1/sessions/${sessions.find((session) => session.current).id}`, { method: "DELETE" });
  });
  await say("repeat: said after the end");
  await page.getByText("You are not signed in any more.").waitFor();
  await page.fill("[name=name]", "owner");
  await page.fill("[name=password]", PASSWORD);
  await page.press("[name=password]", "Enter");
  await replied("said after the end");
  await page.locator(".message.pending").waitFor({ state: "detached" });
  assert.deepEqual(await speakers(), ["You", "Coordinator"]);
});

test("a second tab sees what happens in the first, and both have connections left", async () => {
  const second = await page.context().newPage();
  await second.goto(page.url());
  await second.locator("#text").waitFor();
  await say("count slowly");
  await second.bringToFront();
  await second.locator(".tail", { hasText: "tick" }).waitFor();
  await say("repeat: from the first tab");
  await message("assistant", second).filter({ hasText: "from the first tab" }).waitFor();
  await second.locator(".composer").getByRole("button", { name: "Stop" }).click();
  await task("Count slowly").getByText("stopped", { exact: true }).waitFor();
  await second.close();
});

test("a portal older than its server says so", async () => {
  const old = await openPage(browser, wardroom, { storageState: await page.context().storageState() });
  await old.route("**/v1/events", async (route) => {
    await route.fulfill({ contentType: "text/event-stream", body: `event: ready\ndata: {"version":"9","portal":"/assets/index-newer.js"}\n\n` });
  });
  await old.goto(`${wardroom.url}/chat`);
  await old.getByText("This page is older than its server.").waitFor();
  await old.context().close();
});

test("without JavaScript the page says what to do", async () => {
  const plain = await openPage(browser, wardroom, { javaScriptEnabled: false });
  await plain.goto(wardroom.url);
  const sentence = plain.locator("noscript p");
  assert.ok(await sentence.isVisible());
  assert.match(await sentence.textContent(), /needs JavaScript.*wardroom chat/);
  await plain.context().close();
});

test("no script failed, no dialog opened, and nothing foreign was asked for", () => {
  assert.deepEqual(page.faults, []);
});

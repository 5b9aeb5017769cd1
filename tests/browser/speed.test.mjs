// How fast it is, measured and printed. Machines differ, so nothing here fails for being slow; what
// must not grow is how much a browser has to fetch.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Wardroom, launch, openPage } from "./wardroom.mjs";

const CHAT_BYTES_MAX = 200_000;
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
  await page.locator("#main").waitFor();
});

after(async () => {
  await browser?.close();
  await wardroom?.stop();
  wardroom?.remove();
});

const tell = (name, value) => console.log(`# measured: ${name}: ${value}`);

test("the chat page is small, and painted soon", async () => {
  let bytes = 0;
  let fetched = 0;
  const wait = [];
  page.on("response", (answer) => {
    const { pathname } = new URL(answer.url());
    if (pathname.startsWith("/v1/")) return;
    wait.push(answer.body().then((body) => { bytes += /\.woff2$/.test(pathname) ? body.length : gzipSync(body, { level: 9 }).length; }).catch(() => {}));
  });
  const paints = [];
  for (let run = 0; run < 3; run += 1) {
    if (run === 1) { await page.waitForTimeout(1500); await Promise.all(wait); fetched = bytes; tell("chat page, everything it fetches, gzip", `${fetched} bytes`); }
    await page.goto(`${wardroom.url}/chat`);
    await page.locator("#text").waitFor();
    paints.push(await page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0)));
  }
  tell("first contentful paint, three times", `${paints.join(", ")} ms`);
  // What the second and third visit take from the cache is not fetched again.
  assert.ok(fetched > 0 && fetched < CHAT_BYTES_MAX, `${fetched} bytes`);
});

test("an approval reaches every open surface", async () => {
  const second = await page.context().newPage();
  await second.goto(`${wardroom.url}/approvals`);
  await second.locator("h1").waitFor();
  const watch = (where) => where.evaluate(() => new Promise((resolve) => {
    const look = () => document.querySelector(".ask") && resolve(Date.now());
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    look();
  }));
  await page.bringToFront();
  await page.locator(".where select").selectOption({ label: wardroom.work });
  const [one, two] = [watch(page), watch(second)];
  await page.fill("#text", "tidy");
  await page.press("#text", "Enter");
  const [first, other] = await Promise.all([one, two]);
  const asked = await page.evaluate(async () => Date.parse((await (await fetch("/v1/approvals?waiting=true")).json()).approvals[0].created_at));
  tell("an approval, from being asked to the chat and to a second tab", `${first - asked} ms, ${other - asked} ms`);
  await second.close();
});

test("the first word of a reply reaches the browser", async () => {
  await page.goto(`${wardroom.url}/chat`);
  await page.locator("#text").waitFor();
  const spans = await page.evaluate(async () => {
    const found = [];
    for (let run = 0; run < 5; run += 1) {
      const source = new EventSource("/v1/events");
      await new Promise((resolve) => source.addEventListener("ready", resolve));
      const told = new Promise((resolve) => source.addEventListener("preview", (event) => resolve([Date.now(), JSON.parse(event.data).at])));
      const post = fetch("/v1/messages", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text: "hello" }) });
      const [here, there] = await Promise.race([told, post.then(() => [0, null])]);
      source.close();
      await post;
      if (there) found.push(here - Date.parse(there));
    }
    return found;
  });
  tell("the first piece of a reply, from the server to the page", `${spans.join(", ")} ms`);
});

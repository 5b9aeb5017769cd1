// A real server with a folder of its own, and a browser that looks at it.

import { chromium } from "playwright-core";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, openSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const HERE = import.meta.dirname;
const BINARY = process.env.WARDROOM_BIN ?? join(HERE, "../../target/debug/wardroom");
const PORTAL = join(HERE, "../../web/dist/portal");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const READY_WITHIN_MS = 120_000;

/** What is waited for comes much sooner; this is for a machine that is busy with something else. */
export const SLOW_MS = 90_000;
export const PASSWORD = "correct horse battery staple";

/** What must stay text, wherever it is shown. */
export const CORPUS = [
  `<script>document.title = "owned"</script>`,
  `<img src=x onerror="alert(1)">`,
  `<svg/onload=alert(2)>`,
  `"><iframe srcdoc="<script>alert(3)</script>"></iframe>`,
  `[click](javascript:alert(4)) [data](data:text/html,<script>alert(5)</script>)`,
  `[tab](java\tscript:alert(6)) [vb](vbscript:alert(7)) [file](file:///etc/passwd)`,
  `![pixel](https://tracker.example/pixel.png) ![data](data:image/svg+xml,<svg/onload=alert(8)>)`,
  "`<b onclick=alert(9)>` **<i>bold</i>** # <u>no heading</u>",
  "```html\n</pre><script>alert(10)</script>\n```",
  `<a href="https://phish.example" onmouseover=alert(11)>bank</a> <style>*{display:none}</style>`,
  `<form action=https://phish.example><input name=password></form>`,
  `${"{{"}constructor.constructor('alert(12)')()${"}}"} &lt;script&gt;alert(13)&lt;/script&gt;`,
  "\u202egnp.exe\u202c \u200bzero\u200b \u0007bell \u2066isolate\u2069",
];

const CONFIGURATION = `
[models.rehearsal]
provider = "scripted"
script = "${join(HERE, "story.yaml")}"

[routing]
coordinator = ["rehearsal"]
executor = ["rehearsal"]
`;

const TELEGRAM_TOKEN = "1000:a-token-for-tests";

/** As much of the Bot API as a bot needs to whom nobody speaks. */
function telegram() {
  const bot = { id: 1000, is_bot: true, first_name: "Crew", username: "crew_bot" };
  return createServer((asked, answer) => {
    const say = (status, body) => { answer.writeHead(status, { "Content-Type": "application/json" }); answer.end(JSON.stringify(body)); };
    if (!asked.url.startsWith(`/bot${TELEGRAM_TOKEN}/`)) { say(401, { ok: false, error_code: 401, description: "Unauthorized" }); return; }
    const method = asked.url.split("/").pop().split("?")[0].toLowerCase();
    const result = { getme: bot, getupdates: [] }[method] ?? true;
    asked.resume();
    setTimeout(say, method === "getupdates" ? 2000 : 0, 200, { ok: true, result });
  });
}

export class Wardroom {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "wardroom-page-"));
    this.work = join(this.folder, "work");
    mkdirSync(this.work);
    writeFileSync(join(this.work, "old.tmp"), "left over\n");
    writeFileSync(join(this.folder, "wardroom.toml"), CONFIGURATION);
  }

  place() { return ["--data", join(this.folder, "data"), "--config", join(this.folder, "wardroom.toml")]; }

  /** Starts it, at first anywhere and then always at the same address. */
  async start() {
    await this.meetTelegram();
    const log = openSync(join(this.folder, "log"), "a");
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    this.process = spawn(BINARY, ["up", "--listen", listen, ...this.place()], { stdio: ["ignore", "pipe", log], env: { ...process.env, TELEGRAM_TOKEN } });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    const ready = this.welcome();
    const late = new Promise((_, reject) => setTimeout(reject, READY_WITHIN_MS, new Error(`not ready: ${this.log()}`)).unref());
    const gone = this.ended.then((code) => { throw new Error(`ended with ${code}: ${this.log()}`); });
    gone.catch(() => {});
    await Promise.race([ready, late, gone]);
  }

  async meetTelegram() {
    if (this.telegram) return;
    this.telegram = telegram();
    await new Promise((resolve) => this.telegram.listen(0, "127.0.0.1", resolve));
    this.telegram.unref();
    const section = `\n[connectors.telegram.main]\ntoken = "env:TELEGRAM_TOKEN"\napi_base = "http://127.0.0.1:${this.telegram.address().port}"\n`;
    appendFileSync(join(this.folder, "wardroom.toml"), section);
  }

  async welcome() {
    for await (const line of createInterface({ input: this.process.stdout })) {
      this.url = line.match(/is at (http\S+)/)?.[1] ?? this.url;
      this.link = line.match(/http\S+#code=\S+/)?.[0];
      if (this.link) return;
    }
  }

  log() { return readFileSync(join(this.folder, "log"), "utf8").slice(-4000); }

  async stop() {
    this.process.kill("SIGTERM");
    return this.ended;
  }

  /** Lets the crew work on the test's folder, as `wardroom chat` does. */
  openWorkspace() {
    const body = JSON.stringify({ path: this.work });
    const headers = { "Content-Type": "application/json", "Content-Length": body.length };
    const options = { socketPath: join(this.folder, "data/wardroom.sock"), path: "/v1/workspaces", method: "POST", headers };
    return new Promise((resolve, reject) => {
      const sent = request(options, (answer) => { answer.resume(); resolve(answer.statusCode); });
      sent.on("error", reject).end(body);
    });
  }

  run(verb, input) { return execFileSync(BINARY, [...verb, ...this.place()], { input, encoding: "utf8" }); }

  remove() { this.telegram?.close(); this.telegram?.closeAllConnections(); rmSync(this.folder, { recursive: true, force: true }); }
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** A page that fails its test when its script fails or anything foreign is asked for. */
export async function openPage(browser, wardroom, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, ...options });
  context.setDefaultTimeout(SLOW_MS);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("dialog", (dialog) => { page.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (said) => /Content Security Policy/.test(said.text()) && page.faults.push(said.text()));
  page.on("request", (asked) => {
    const url = new URL(asked.url());
    if (url.protocol !== "data:" && url.origin !== wardroom.url) page.faults.push(`asked for ${url}`);
  });
  if (process.env.WARDROOM_PAGE) await servePage(page);
  return page;
}

/** Looks again and again until it is so. */
export async function until(what, look) {
  for (const end = Date.now() + SLOW_MS; ;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < end, `${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** For work on the portal itself: its files as they were built last, with the server's headers. */
async function servePage(page) {
  await page.context().route((url) => !url.pathname.startsWith("/v1/"), async (route) => {
    const { pathname } = new URL(route.request().url());
    const name = pathname.startsWith("/assets/") || pathname === "/favicon.svg" ? pathname : "/index.html";
    const served = await route.fetch({ url: new URL("/", route.request().url()).href });
    const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", woff2: "font/woff2", html: "text/html" };
    const headers = { ...served.headers(), "content-type": types[name.split(".").pop()] ?? "application/octet-stream" };
    delete headers["content-encoding"];
    delete headers["content-length"];
    await route.fulfill({ status: 200, headers, body: readFileSync(join(PORTAL, name)) });
  });
}

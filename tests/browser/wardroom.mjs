// A real server with a folder of its own, and a browser that looks at it.

import { chromium } from "playwright-core";
import { execFileSync, spawn } from "node:child_process";
import { openSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const HERE = import.meta.dirname;
const BINARY = process.env.WARDROOM_BIN ?? join(HERE, "../../target/debug/wardroom");
const PORTAL = join(HERE, "../../web/dist/portal");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const READY_WITHIN_MS = 60_000;

const CONFIGURATION = `
[models.rehearsal]
provider = "scripted"
script = "${join(HERE, "story.yaml")}"

[routing]
coordinator = ["rehearsal"]
executor = ["rehearsal"]
`;

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
    const log = openSync(join(this.folder, "log"), "a");
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    this.process = spawn(BINARY, ["up", "--listen", listen, ...this.place()], { stdio: ["ignore", "pipe", log] });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    const ready = this.welcome();
    const late = new Promise((_, reject) => setTimeout(reject, READY_WITHIN_MS, new Error(`not ready: ${this.log()}`)).unref());
    const gone = this.ended.then((code) => { throw new Error(`ended with ${code}: ${this.log()}`); });
    gone.catch(() => {});
    await Promise.race([ready, late, gone]);
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

  remove() { rmSync(this.folder, { recursive: true, force: true }); }
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** A page that fails its test when its script fails or anything foreign is asked for. */
export async function openPage(browser, wardroom, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, ...options });
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

/** For work on the portal itself: its files as they were built last, with the server's headers. */
async function servePage(page) {
  await page.route((url) => !url.pathname.startsWith("/v1/"), async (route) => {
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

// mqtt.js in pages of a Chromium without a window.
//
// Arguments: the folder of modules, and one JSON object: `urls` of the broker, `certificate` that the browser is to
// trust, `good` and `evil`: ports for pages of two origins. A line on standard input lets it go on.

import { createHash, X509Certificate } from "node:crypto";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [, , modules, text] = process.argv;
const told = JSON.parse(text);
const puppeteer = createRequire(join(modules, "x.js"))("puppeteer-core");
const library = readFileSync(join(modules, "mqtt/dist/mqtt.min.js"));
const say = (event, what = {}) => console.log(JSON.stringify({ event, ...what }));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const serve = (port) =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const isLibrary = request.url === "/mqtt.js";
      response.setHeader("Content-Type", isLibrary ? "text/javascript" : "text/html");
      response.end(isLibrary ? library : "<!doctype html><title>mqtt</title><script src=/mqtt.js></script>");
    });
    server.listen(port, "localhost", () => resolve(server));
  });

/** Trusts the key of the certificate as the browser trusts a certificate of an authority. */
function trust(file) {
  const key = new X509Certificate(readFileSync(file)).publicKey.export({ type: "spki", format: "der" });
  return `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`;
}

const launch = (...flags) =>
  puppeteer.launch({
    executablePath: told.chromium,
    headless: true,
    // As root there is no sandbox; the pages are ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", ...flags],
  });

async function open(browser, port) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => say("page-error", { text: String(error) }));
  await page.goto(`http://localhost:${port}/`);
  return page;
}

/** In the page: connects, subscribes, and sends one message with each QoS to itself. */
async function converse({ url, version, name }) {
  const options = { clientId: name, protocolVersion: version, clean: false, reconnectPeriod: 100 };
  if (version === 5) options.properties = { sessionExpiryInterval: 1000 };
  const client = mqtt.connect(url, options);
  const heard = [];
  const connacks = [];
  client.on("message", (topic, payload, packet) => heard.push(`${topic} q${packet.qos} ${payload.length}`));
  client.on("connect", (connack) => connacks.push(connack.sessionPresent));
  window.there = { client, heard, connacks };
  await new Promise((resolve) => client.once("connect", resolve));
  await client.subscribeAsync(`${name}/#`, { qos: 2 });
  for (const qos of [0, 1, 2]) await client.publishAsync(`${name}/q`, "x".repeat(1 + 70_000 * qos), { qos });
  while (heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  return heard.sort();
}

/** In the page: after the broker was away. */
async function resume({ name }) {
  const { client, heard, connacks } = window.there;
  heard.length = 0;
  await client.publishAsync(`${name}/again`, "back", { qos: 2 });
  while (heard.length < 1 || connacks.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  await client.endAsync();
  return { heard, connacks };
}

/** In the page: whether a WebSocket opens, and how it ends if it does not. */
const opens = (url) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, "mqtt");
    socket.onopen = () => (socket.close(), resolve("open"));
    socket.onclose = ({ code }) => resolve(`closed ${code}`);
  });

const servers = await Promise.all([serve(told.good), serve(told.evil)]);
const browser = await launch(trust(told.certificate));
say("browser", { version: await browser.version() });
const pages = [];
for (const url of told.urls) {
  for (const version of [4, 5]) {
    const page = await open(browser, told.good);
    const what = { url, version, name: `page-${pages.length}` };
    pages.push([page, what]);
    say("conversed", { ...what, heard: await page.evaluate(converse, what) });
  }
}
const evil = await open(browser, told.evil);
for (const url of told.urls) say("origin", { url, evil: await evil.evaluate(opens, url) });
say("ready");
await lines.next();
for (const [page, what] of pages) say("resumed", { ...what, ...(await page.evaluate(resume, what)) });
await browser.close();
// A browser that trusts nobody of ours.
const wary = await launch();
const page = await open(wary, told.good);
for (const url of told.urls) say("trust", { url, wary: await page.evaluate(opens, url) });
await wary.close();
servers.forEach((server) => server.close());
say("over");
process.exit(0);

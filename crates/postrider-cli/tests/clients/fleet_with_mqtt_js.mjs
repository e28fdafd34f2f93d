// A fleet of clients that goes on while the broker is replaced under it; says at the end what became of its messages.
//
// Arguments: where mqtt.js is, and one JSON object: `ports` (tcp, ws, tls), `authority`, `user`, `password`,
// `publishers`, `subscribers`, `absent`. Publishes until a line comes from standard input. Clients come back by
// themselves.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [, , modules, text] = process.argv;
const mqtt = createRequire(import.meta.url)(modules);
const told = JSON.parse(text);
const ca = readFileSync(told.authority);
const WINDOW = 10;
const PAUSE_MS = 40;
const PATIENCE_MS = 40_000;

const received = new Map(); // by subscriber: how often each payload came
const acknowledged = []; // payloads of QoS 1 and 2
const kept = new Map(); // by topic: the last value that was acknowledged
const counts = { connects: 0, strangers: 0, sent: 0, at_most_once: 0, wills: 0 };
let waiting = 0;
let isOver = false;

const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, isSo) {
  const end = Date.now() + PATIENCE_MS;
  while (!isSo() && Date.now() < end) await pause(20);
  if (!isSo()) say({ event: "waits", what });
}

/** A client with a session of its own: every second in 5.0, and through each of the three doors in turn. */
function connect(name, number, more = {}) {
  const isNew = number % 2 === 1;
  const doors = [`mqtt://localhost:${told.ports.tcp}`, `ws://localhost:${told.ports.ws}`, `mqtts://localhost:${told.ports.tls}`];
  const options = {
    clientId: name,
    clean: false,
    protocolVersion: isNew ? 5 : 4,
    username: told.user,
    password: told.password,
    reconnectPeriod: 100,
    resubscribe: false,
    ca,
    ...more,
  };
  if (isNew) options.properties = { sessionExpiryInterval: 100_000 };
  const client = mqtt.connect(doors[number % doors.length], options);
  client.on("error", () => {});
  client.on("connect", (connack) => {
    counts.connects += 1;
    // Only the first time is it nobody's session.
    if (client.wasHere && !connack.sessionPresent) counts.strangers += 1;
    client.wasHere = true;
  });
  return client;
}

async function subscribe(name, number, wasHere = false) {
  const client = connect(name, number);
  client.wasHere = wasHere;
  if (!received.has(name)) received.set(name, new Map());
  const seen = received.get(name);
  client.on("message", (topic, payload) => {
    const word = payload.toString();
    if (topic.startsWith("will/")) counts.wills += 1;
    else seen.set(word, (seen.get(word) ?? 0) + 1);
  });
  if (!wasHere) {
    await new Promise((resolve) => client.once("connect", resolve));
    await client.subscribeAsync(["fleet/#", "will/#"], { qos: 2 });
  }
  return client;
}

async function publish(number) {
  const client = connect(`publisher-${number}`, number, {
    will: { topic: `will/${number}`, payload: "gone", qos: 1, retain: false },
  });
  await new Promise((resolve) => client.once("connect", resolve));
  let outstanding = 0;
  for (let at = 0; !isOver; at += 1) {
    await pause(PAUSE_MS);
    while (outstanding >= WINDOW && !isOver) await pause(5);
    if (isOver || !client.connected) continue;
    const qos = at % 3;
    const payload = `${qos}-${number}-${at}`;
    counts.sent += 1;
    if (qos === 0) {
      client.publish(`fleet/${number}`, payload, { qos });
      continue;
    }
    outstanding += 1;
    waiting += 1;
    client.publish(`fleet/${number}`, payload, { qos }, (error) => {
      outstanding -= 1;
      waiting -= 1;
      if (!error) acknowledged.push(payload);
    });
    if (at % 10 === 1) {
      waiting += 1;
      client.publish(`kept/${number}`, payload, { qos: 1, retain: true }, (error) => {
        waiting -= 1;
        if (!error) kept.set(`kept/${number}`, payload);
      });
    }
  }
  return client;
}

async function retained() {
  const client = connect("reader", 0);
  const found = new Map();
  client.on("message", (topic, payload, packet) => packet.retain && found.set(topic, payload.toString()));
  await new Promise((resolve) => client.once("connect", resolve));
  await client.subscribeAsync("kept/#", { qos: 1 });
  await until("retained", () => [...kept].every(([topic, value]) => found.get(topic) === value));
  const wrong = [...kept].filter(([topic, value]) => found.get(topic) !== value).length;
  await client.endAsync();
  return wrong;
}

const numbers = (count) => [...Array(count).keys()];
const subscribers = await Promise.all(numbers(told.subscribers).map((number) => subscribe(`subscriber-${number}`, number)));
const absent = await Promise.all(numbers(told.absent).map((number) => subscribe(`absent-${number}`, number)));
await Promise.all(absent.map((client) => client.endAsync()));
const publishing = numbers(told.publishers).map(publish);
say({ event: "ready" });
await new Promise((resolve) => process.stdin.once("data", resolve));
isOver = true;
const publishers = await Promise.all(publishing);
await until("acknowledgements", () => waiting === 0);
const back = await Promise.all(numbers(told.absent).map((number) => subscribe(`absent-${number}`, number, true)));
const lack = (seen) => acknowledged.filter((payload) => !seen.has(payload)).length;
await until("messages", () => [...received.values()].every((seen) => lack(seen) === 0));
// What comes twice comes soon.
await pause(500);
const wrong = await retained();
const sum = (of) => [...received.values()].map(of).reduce((all, one) => all + one, 0);
const often = (seen, qos) => [...seen].filter(([payload, times]) => payload.startsWith(qos) && times > 1).length;
for (const seen of received.values())
  counts.at_most_once += [...seen.keys()].filter((payload) => payload.startsWith("0-")).length;
say({
  event: "done",
  clients: told.publishers + told.subscribers + told.absent,
  ...counts,
  acknowledged: acknowledged.length,
  unacknowledged: waiting,
  owed: acknowledged.length * received.size,
  lost: sum(lack),
  doubled: sum((seen) => often(seen, "2-")),
  again: sum((seen) => often(seen, "1-")),
  retained: kept.size,
  retained_wrong: wrong,
});
await Promise.all([...publishers, ...subscribers, ...back].map((client) => client.endAsync(true)));
process.exit(0);

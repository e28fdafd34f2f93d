// Does with mqtt.js what it is told, one JSON object a line, and tells what happens the same way.
// Payloads are texts whose characters are the bytes.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const mqtt = createRequire(import.meta.url)(process.argv[2]);
const EDITIONS = {
  "3.1": { protocolId: "MQIsdp", protocolVersion: 3 },
  "3.1.1": { protocolVersion: 4 },
  "5.0": { protocolVersion: 5 },
};
let client;

const tell = (event, what = {}) => console.log(JSON.stringify({ event, ...what }));
const bytes = (text) => Buffer.from(text, "latin1");

function propertiesFor({ properties = {} }) {
  const { userProperties, correlationData, ...rest } = properties;
  if (correlationData !== undefined) rest.correlationData = bytes(correlationData);
  for (const [name, value] of userProperties ?? []) {
    rest.userProperties ??= {};
    rest.userProperties[name] = [...(rest.userProperties[name] ?? []), value];
  }
  return rest;
}

function propertiesOf({ properties = {} }) {
  const { userProperties, correlationData, subscriptionIdentifier, ...rest } = properties;
  if (correlationData !== undefined) rest.correlationData = correlationData.toString("latin1");
  if (subscriptionIdentifier !== undefined) rest.subscriptionIdentifier = [subscriptionIdentifier].flat();
  if (userProperties !== undefined) {
    const pairs = Object.entries(userProperties);
    rest.userProperties = pairs.flatMap(([name, values]) => [values].flat().map((value) => [name, value]));
  }
  return rest;
}

const ORDERS = {
  // `over` names another way than TCP: a protocol of mqtt.js, a path, a file with the authority.
  connect({ port, version, id, clean, will, over, ...order }) {
    const { authority, ...way } = over ?? {};
    client = mqtt.connect({
      host: over ? "localhost" : "127.0.0.1",
      port,
      ...way,
      ...(authority && { ca: readFileSync(authority) }),
      ...EDITIONS[version],
      clientId: id,
      clean,
      reconnectPeriod: 0,
      properties: propertiesFor(order),
      ...(will && { will: { ...will, payload: bytes(will.payload), properties: propertiesFor(will) } }),
    });
    client.on("connect", ({ sessionPresent }) => tell("connected", { present: sessionPresent ?? false }));
    client.on("error", ({ message }) => tell("refused", { message }));
    client.on("close", () => tell("disconnected"));
    client.on("message", (topic, payload, packet) =>
      tell("message", {
        topic,
        payload: payload.toString("latin1"),
        qos: packet.qos,
        retain: packet.retain,
        properties: propertiesOf(packet),
      }),
    );
  },
  subscribe({ filter, qos, ...order }) {
    const options = order.properties ? { qos, properties: propertiesFor(order) } : { qos };
    client.subscribe(filter, options, (_error, _granted, packet) => tell("subscribed", { granted: packet.granted }));
  },
  unsubscribe({ filter }) {
    client.unsubscribe(filter, () => tell("unsubscribed"));
  },
  publish({ topic, payload, qos, retain, ...order }) {
    const options = order.properties ? { qos, retain, properties: propertiesFor(order) } : { qos, retain };
    client.publish(topic, bytes(payload), options, (error) => tell(error ? "failed" : "published", { error }));
  },
  disconnect() {
    client.end();
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  ORDERS[order.do](order);
});

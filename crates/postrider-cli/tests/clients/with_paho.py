"""Does with paho what it is told, one JSON object a line, and tells what happens the same way.

Payloads are texts whose characters are the bytes. Works with paho 1 and 2.
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

IS_NEW = hasattr(mqtt, "CallbackAPIVersion")
LOCK = threading.Lock()
client = None


def tell(event, **what):
    with LOCK:
        print(json.dumps({"event": event, **what}), flush=True)


def properties_for(kind, order):
    if not order.get("properties"):
        return None
    properties = Properties(kind)
    for name, value in order["properties"].items():
        if name == "correlationData":
            value = value.encode("latin-1")
        if name == "userProperties":
            properties.UserProperty = [tuple(pair) for pair in value]
        else:
            setattr(properties, name[0].upper() + name[1:], value)
    return properties


def properties_of(message):
    found = {}
    for name, value in vars(getattr(message, "properties", None) or object.__new__(Nothing)).items():
        name = name[0].lower() + name[1:]
        if name == "userProperty":
            found["userProperties"] = [list(pair) for pair in value]
        elif name == "correlationData":
            found[name] = value.decode("latin-1")
        elif name not in ("packetType", "types", "names", "properties"):
            found[name] = value
    return found


class Nothing:
    """The properties of a message before 5.0."""


def on_connect(_client, _userdata, flags, reason, *_):
    present = flags.session_present if IS_NEW else flags["session present"]
    failed = reason.is_failure if IS_NEW else reason != 0
    tell("refused" if failed else "connected", present=bool(present))


def on_message(_client, _userdata, message):
    payload = message.payload.decode("latin-1")
    tell("message", topic=message.topic, payload=payload, qos=message.qos, retain=bool(message.retain),
         properties=properties_of(message))


def on_subscribe(_client, _userdata, _mid, granted, *_):
    tell("subscribed", granted=[code if isinstance(code, int) else code.value for code in granted])


def connect(order):
    global client
    version = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}[order["version"]]
    is_new_edition = version == mqtt.MQTTv5
    arguments = {"client_id": order["id"], "protocol": version}
    if IS_NEW:
        arguments["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
    if not is_new_edition:
        arguments["clean_session"] = order["clean"]
    client = mqtt.Client(**arguments)
    client.on_connect = on_connect
    client.on_message = on_message
    client.on_subscribe = on_subscribe
    client.on_unsubscribe = lambda *_: tell("unsubscribed")
    client.on_disconnect = lambda *_: tell("disconnected")
    if will := order.get("will"):
        options = {"properties": properties_for(PacketTypes.WILLMESSAGE, will)} if is_new_edition else {}
        client.will_set(will["topic"], will["payload"].encode("latin-1"), will["qos"], will["retain"], **options)
    options = {}
    if is_new_edition:
        options = {"clean_start": order["clean"], "properties": properties_for(PacketTypes.CONNECT, order)}
    client.connect("127.0.0.1", order["port"], **options)
    client.loop_start()


def subscribe(order):
    properties = properties_for(PacketTypes.SUBSCRIBE, order)
    if properties is None:
        client.subscribe(order["filter"], order["qos"])
    else:
        client.subscribe(order["filter"], options=mqtt.SubscribeOptions(qos=order["qos"]), properties=properties)


def publish(order):
    properties = properties_for(PacketTypes.PUBLISH, order)
    payload = order["payload"].encode("latin-1")
    client.publish(order["topic"], payload, order["qos"], order["retain"], properties=properties).wait_for_publish()
    tell("published")


def disconnect(_order):
    client.disconnect()


ORDERS = {
    "connect": connect,
    "subscribe": subscribe,
    "unsubscribe": lambda order: client.unsubscribe(order["filter"]),
    "publish": publish,
    "disconnect": disconnect,
}

for line in sys.stdin:
    order = json.loads(line)
    ORDERS[order["do"]](order)

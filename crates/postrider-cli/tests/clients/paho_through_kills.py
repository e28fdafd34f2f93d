"""Publishes and subscribes with QoS 1 and 2 while the broker dies and comes back; says at the end what became of it.

Arguments: the port and the edition. Goes on until a line comes from standard input.

Paho forgets that a message was received when it has to try twice to connect again, and would publish it a second time: it
is reminded. Each client has one thread for everything.
"""

import json
import socket
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageState
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT, EDITION = int(sys.argv[1]), sys.argv[2]
PATIENCE_S = 25
WINDOW = 20
received = {}
# By packet identifier: what is on its way.
waiting = {}
acknowledged = []
lock = threading.Lock()
ready, over = threading.Event(), threading.Event()


def client(name):
    options = {"client_id": name, "protocol": mqtt.MQTTv5 if EDITION == "5.0" else mqtt.MQTTv311}
    if EDITION != "5.0":
        options["clean_session"] = False
    if hasattr(mqtt, "CallbackAPIVersion"):
        options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
    made = mqtt.Client(**options)
    made.max_inflight_messages_set(WINDOW)
    return made


def connect(made):
    if EDITION != "5.0":
        made.connect("127.0.0.1", PORT)
        return
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 100_000
    made.connect("127.0.0.1", PORT, clean_start=False, properties=properties)


def on_connect(made, *_):
    made.subscribe("kept/#", qos=2)


def on_subscribe(*_):
    ready.set()


def on_message(_client, _userdata, message):
    with lock:
        received[message.payload] = received.get(message.payload, 0) + 1


def on_publish(_client, _userdata, mid, *_):
    acknowledged.append(waiting.pop(mid))


def listens():
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
        return True
    except OSError:
        return False


def turn(made):
    """Reads and writes once, and comes back if the connection is gone."""
    if made.loop(timeout=0.005) == mqtt.MQTT_ERR_SUCCESS:
        return
    while not listens():
        time.sleep(0.01)
    for message in made._out_messages.values():
        if message.state == MessageState.MQTT_MS_RESEND_PUBREL:
            message.state = MessageState.MQTT_MS_WAIT_FOR_PUBCOMP
    try:
        made.reconnect()
    except OSError:
        pass


def keep(made):
    while not over.is_set():
        turn(made)


def until(is_so):
    end = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < end:
        turn(teller)


def tell():
    """Publishes until somebody says that it is enough."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    sent = 0
    while not stop.is_set():
        turn(teller)
        while len(waiting) < WINDOW and teller.is_connected():
            qos = 1 + sent % 2
            payload = f"{qos}-{sent}".encode()
            waiting[teller.publish(f"kept/{qos}", payload, qos=qos).mid] = payload
            sent += 1
    return sent


keeper, teller = client("keeper"), client("teller")
keeper.on_connect, keeper.on_subscribe, keeper.on_message = on_connect, on_subscribe, on_message
teller.on_publish = on_publish
connect(keeper)
threading.Thread(target=keep, args=(keeper,), daemon=True).start()
ready.wait(PATIENCE_S)
connect(teller)
print(json.dumps({"event": "ready"}), flush=True)
sent = tell()
until(lambda: not waiting)
until(lambda: all(payload in received for payload in acknowledged))
time.sleep(0.5)
over.set()
with lock:
    print(
        json.dumps(
            {
                "event": "done",
                "sent": sent,
                "acknowledged": len(acknowledged),
                "lost": sum(payload not in received for payload in acknowledged),
                "doubled": sum(count > 1 for payload, count in received.items() if payload.startswith(b"2-")),
                "again": sum(count > 1 for payload, count in received.items() if payload.startswith(b"1-")),
            }
        ),
        flush=True,
    )

"""Publishes and subscribes with QoS 1 and 2 while the broker dies and comes back; says at the end what became of it.

Arguments: the port and the edition. Goes on until a line comes from standard input.
"""

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT, EDITION = int(sys.argv[1]), sys.argv[2]
PATIENCE_S = 60
WINDOW = 20
received = {}
# By packet identifier: what is on its way.
waiting = {}
acknowledged = []
lock = threading.Lock()
ready = threading.Event()


def client(name):
    options = {"client_id": name, "protocol": mqtt.MQTTv5 if EDITION == "5.0" else mqtt.MQTTv311}
    if EDITION != "5.0":
        options["clean_session"] = False
    if hasattr(mqtt, "CallbackAPIVersion"):
        options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION2
    made = mqtt.Client(**options)
    made.reconnect_delay_set(min_delay=0.1, max_delay=0.2)
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
    with lock:
        acknowledged.append(waiting.pop(mid))


def until(is_so):
    end = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)


def tell():
    """Publishes until somebody says that it is enough."""
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    sent = 0
    while not stop.is_set():
        if len(waiting) >= WINDOW:
            time.sleep(0.002)
            continue
        qos = 1 + sent % 2
        payload = f"{qos}-{sent}".encode()
        # Its answer may come before its identifier is known here.
        with lock:
            waiting[teller.publish(f"kept/{qos}", payload, qos=qos).mid] = payload
        sent += 1
    return sent


keeper, teller = client("keeper"), client("teller")
keeper.on_connect, keeper.on_subscribe, keeper.on_message = on_connect, on_subscribe, on_message
teller.on_publish = on_publish
connect(keeper)
keeper.loop_start()
ready.wait(PATIENCE_S)
connect(teller)
teller.loop_start()
print(json.dumps({"event": "ready"}), flush=True)
sent = tell()
until(lambda: not waiting)
until(lambda: all(payload in received for payload in acknowledged))
time.sleep(0.5)
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

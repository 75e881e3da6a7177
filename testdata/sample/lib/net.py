# The network: WLAN to get there, UDP to report.
import json
import socket
import time

import network


def connect(seconds=20):
    """Join the network that wifi.json names; OSError if that takes too long."""
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    if not wlan.isconnected():
        with open('wifi.json') as f:
            settings = json.load(f)
        wlan.connect(settings['ssid'], settings['password'])
    for _ in range(seconds):
        if wlan.isconnected():
            return
        time.sleep(1)
    raise OSError('no network')


def send(address, line):
    """Send one line. UDP: a collector that is away costs nothing but the value."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.sendto(line.encode(), socket.getaddrinfo(*address)[0][-1])
    finally:
        s.close()

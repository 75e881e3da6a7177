# Settings of all nodes. What must stay secret is in wifi.json, which is on the device alone.
OTA_HOST = 'http://192.168.2.100'
PROJECT = 'sample'
COLLECTOR = ('192.168.2.100', 8094)
ADC_CHANNEL = 4  # the sensor inside the RP2040

# Runs after boot.py. A node that fails resets the device, and a release that keeps failing is undone.
import micropython_ota as ota

ota.run('node')

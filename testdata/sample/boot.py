# Runs first after every reset: join the network, then install a newer release, if there is one.
import micropython_ota as ota

ota.boot()  # before anything of a release: what does not start is undone here

import config
import net

net.connect()
ota.ota_update(config.OTA_HOST, config.PROJECT)

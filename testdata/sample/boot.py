# Runs first after every reset: join the network, then install a newer release, if there is one.
import micropython_ota

import config
import net

net.connect()
filenames = ['boot.py', 'main.py']
micropython_ota.ota_update(config.OTA_HOST, config.PROJECT, filenames, use_version_prefix=True,
                           hard_reset_device=True, soft_reset_device=False, timeout=5)

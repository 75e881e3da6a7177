# A sensor node: reports the temperature once a minute and looks for a new release in between.
import time

import micropython_ota as ota

import config
import net
from thermometer import Thermometer

thermometer = Thermometer(config.ADC_CHANNEL)

while True:
    net.send(config.COLLECTOR, 'temperature celsius=%.1f\n' % thermometer.celsius())
    ota.confirm()  # it works: the release that is on trial stays
    time.sleep(60)
    ota.check_for_ota_update(config.OTA_HOST, config.PROJECT)

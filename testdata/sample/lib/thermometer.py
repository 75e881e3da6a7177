from machine import ADC


class Thermometer:
    """The temperature sensor of the RP2040 (datasheet, section 4.9.5)."""

    def __init__(self, channel):
        self.adc = ADC(channel)

    def celsius(self):
        volts = self.adc.read_u16() * 3.3 / 65535
        return 27 - (volts - 0.706) / 0.001721

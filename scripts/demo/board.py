# A board for the demo: what a board does after each reset, with the current folder as its flash. Ends with 3 for a reset,
# with 1 for an exception that would end in the REPL, and with 0 when two minutes of its time have passed.
import sys, time


class Machine:
    DEEPSLEEP_RESET = 4

    class ADC:
        def __init__(self, channel):
            pass

        def read_u16(self):
            return 14123

    def reset():
        sys.exit(3)

    def reset_cause():
        return 1


class Network:
    STA_IF = 0

    class WLAN:
        def __init__(self, interface):
            pass

        def active(self, on):
            pass

        def isconnected(self):
            return True


class Time:
    # The clock of a board that has no patience.
    minutes = 0

    def sleep(seconds):
        Time.minutes += seconds >= 30
        if Time.minutes == 2:
            sys.exit(0)


for name in dir(time):
    if not hasattr(Time, name):
        setattr(Time, name, getattr(time, name))
sys.modules['machine'] = Machine
sys.modules['network'] = Network
sys.modules['time'] = Time
sys.path[:] = ['', 'lib']
for name in ('boot.py', 'main.py'):
    with open(name) as f:
        source = f.read()
    exec(source, {'__name__': '__main__'})

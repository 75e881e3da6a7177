# A board for the tests of faults: runs boot.py and main.py of the current folder, as a device does when it starts.
#
#   micropython board.py STARTS [eager] [hurry=N] [naps=N] [ticks=N] [cut=N] [cause=N]
#
# A start ends with boot.py and main.py at their ends ("idle"), in a reset, or with the name of an exception that would end
# in the REPL; "#start 1 reset" says so. What an application would print goes to standard output too. The flash is the
# current folder and stays as it is between two runs of this program; no module survives a start.
#
#   eager     every random byte is 0, so that no back-off holds the client back; else the bytes are those of a fixed series
#   hurry=N   the clock runs N times as fast; what a socket waits for does not
#   naps=N    sleep returns at once, and when it is called once more than that, the start ends as "idle"
#   ticks=N   what ticks_ms says at first: it runs over at 2**30
#   cut=N     a reset comes in place of the N-th rename, remove, mkdir or rmdir, whichever start it is in; "#cut" says that it came
#   cause=N   what reset_cause says; 4 is a deep sleep
import sys, os, time, gc


class Reset(BaseException):  # what the client must not catch: the program ends here
    pass


class Asleep(BaseException):
    pass


class Machine:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5

    def reset(self=None):
        raise Reset

    def reset_cause(self=None):
        return Machine.cause

    cause = 1

    soft_reset = reset


class Instead:
    # A module of which some functions are others.
    def __init__(self, module, **others):
        self._module = module
        for name in others:
            setattr(self, name, others[name])

    def __getattr__(self, name):
        return getattr(self._module, name)


def series(seed=1):
    # Minimal standard generator: the same for every run, so that a test that passes does so again.
    def urandom(n):
        nonlocal seed
        out = bytearray(n)
        for i in range(n):
            seed = seed * 16807 % 2147483647
            out[i] = seed >> 16 & 255
        return bytes(out)

    return urandom


def cutting(left):
    # The functions of os that change the flash: one call of them is a reset.
    def cut(function):
        def call(*a):
            nonlocal left
            left -= 1
            if not left:
                print('#cut', function)
                raise Reset
            return function(*a)

        return call

    return {name: cut(getattr(os, name)) for name in ('rename', 'remove', 'mkdir', 'rmdir')}


def start(keep):
    for name in list(sys.modules):
        if name not in keep:
            del sys.modules[name]
    gc.collect()
    try:
        for name in ('boot.py', 'main.py'):
            try:
                os.stat(name)
            except OSError:
                continue
            try:
                execfile(name, {'__name__': '__main__'})
            except Exception as e:  # prints a traceback in the REPL; main.py runs nevertheless
                sys.print_exception(e)
                print('#raised', name, type(e).__name__)
    except Reset:
        return 'reset'
    except Asleep:
        pass
    return 'idle'


def tree(folder=''):
    for e in sorted(os.ilistdir(folder or '.')):
        path = folder + e[0]
        if e[1] == 0x4000:
            if path != '.ota':
                yield from tree(path + '/')
        elif path not in ('conf.py', 'fill') and not path.startswith('micropython_ota'):
            yield path


def digest():
    # Of all files but the client's and the user's: path, line feed, content, length.
    from binascii import hexlify
    from hashlib import sha256

    h = sha256()
    for path in sorted(tree()):
        with open(path, 'rb') as f:
            data = f.read()
        h.update(b'%s\n%s%d' % (path.encode(), data, len(data)))
    return str(hexlify(h.digest()[:8]), 'utf-8')


def run(starts, *options):
    hurry = 1
    urandom = series()
    naps = None
    cut = 0
    begin = ticks = time.ticks_ms()
    for option in options:
        if option == 'eager':
            urandom = bytes
        elif option.startswith('hurry='):
            hurry = int(option[6:])
        elif option.startswith('naps='):
            naps = int(option[5:])
        elif option.startswith('ticks='):
            ticks = int(option[6:])
        elif option.startswith('cut='):
            cut = int(option[4:])
        elif option.startswith('cause='):
            Machine.cause = int(option[6:])
    sys.modules['machine'] = Machine
    sys.modules['os'] = Instead(os, urandom=urandom, **cutting(cut))
    left = naps

    def sleep(seconds):
        nonlocal left
        if naps is None:
            return time.sleep(seconds)
        left -= 1
        if left < 0:
            raise Asleep

    sys.modules['time'] = sys.modules['utime'] = Instead(
        time, sleep=sleep, ticks_ms=lambda: (ticks + time.ticks_diff(time.ticks_ms(), begin) * hurry) & 0x3FFFFFFF
    )
    sys.path[:] = ['', '.frozen', 'lib']
    keep = list(sys.modules)
    for k in range(starts):
        left = naps
        print('#start', k + 1, start(keep))


if __name__ == '__main__':
    run(int(sys.argv[1]), *sys.argv[2:])

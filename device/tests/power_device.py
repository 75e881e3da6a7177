# A device in memory: its flash, what happens from one start to the next, and the releases that it is offered.
import sys, os
import hashlib, binascii, random
import builtins, vfs
import flash
from power_net import Net

HOST = 'http://server'
PROJECT = 'demo'
TRIES = 3

# Geometries of the flash. Blocks are small, so that littlefs compacts, splits and moves its folders as often as it does in
# months of use.
LFS32 = ('lfs', 512, 160, 32)
LFS256 = ('lfs', 2048, 64, 256)
FAT = ('fat', 512, 160, 0)


class Reset(BaseException):
    # The device resets: neither client nor application catch it.
    pass


class Bad(Exception):
    # The flash holds what it never may.
    pass


class Crash(Exception):
    # What the application of a release does that does not work.
    pass


class Machine:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5

    @staticmethod
    def reset():
        raise Reset

    soft_reset = reset

    @staticmethod
    def reset_cause():
        return 1


class Instead:
    # A module of which some functions are others.
    def __init__(self, module, **others):
        self._module = module
        for name in others:
            setattr(self, name, others[name])

    def __getattr__(self, name):
        return getattr(self._module, name)


class NoCollector:
    # Garbage of a small heap is no concern here, and collecting that of a large one takes longer than a start.
    @staticmethod
    def collect():
        pass


class Device:
    # healthy: tags whose application confirms. fill: the application writes until the flash is full. All others crash.

    def __init__(self, client, geometry, image=None):
        self.kind, block, count, prog = geometry
        self.flash = (flash.Flash if self.kind == 'lfs' else flash.Sectors)(block, count, prog, image)
        self.net = Net()
        self.healthy = []
        self.fill = False
        self.filling = []  # where in the log of the flash it did
        self.ran = None  # tags that the parts of the application had in the last start
        self.said = None  # what boot() returned in the last start
        self.printed = []
        self._client = vfs.VfsPosix(client)
        self._fs = None

    def format(self):
        supply = flash.Supply(self.flash)
        if self.kind == 'lfs':
            vfs.VfsLfs2.mkfs(supply, progsize=self.flash.prog, readsize=self.flash.prog)
        else:
            vfs.VfsFat.mkfs(supply)

    def power_on(self):
        self.supply = flash.Supply(self.flash)
        if self.kind == 'lfs':
            # Without times, so that the same run writes the same bytes.
            fs = vfs.VfsLfs2(self.supply, progsize=self.flash.prog, readsize=self.flash.prog, mtime=False)
        else:
            fs = vfs.VfsFat(self.supply)
        vfs.mount(fs, '/')
        vfs.mount(self._client, '/client')
        os.chdir('/')

    def power_off(self):
        self.supply.on = False
        os.chdir('/')
        vfs.umount('/client')
        vfs.umount('/')

    def start(self):
        # Runs boot.py and main.py and reports whether they ended in a reset.
        try:
            self.power_on()
        except OSError as e:
            raise Bad('does not mount: %r' % e)
        try:
            return self._run()
        finally:
            self.power_off()

    def _run(self):
        for name in list(sys.modules):
            if name not in _kept:
                del sys.modules[name]
        _hardware(self)
        self.ran = self.said = None
        self.printed = []
        try:
            for name in ('boot.py', 'main.py'):
                execfile(name, {'__name__': '__main__'})
        except Reset:
            return True
        except Crash:
            pass
        except Exception as e:
            raise Bad('%s raises %r after %s' % (name, e, self.printed))
        return False

    def settle(self, limit=6):
        # Starts until a start does not end in a reset.
        for _ in range(limit):
            if not self.start():
                return
        raise Bad('resets for ever: %s' % self.printed)

    # What boot.py and main.py call.

    def boot(self, said=None):
        self.said = said
        if said == 'stuck':
            raise Bad('boot() is stuck: %s' % self.printed)

    def main(self, confirm, *tags):
        self.ran = tags
        if self.fill:
            log = self.flash.log or ()
            start = len(log)
            fill()
            self.filling.append((start, len(log)))
        if tags[0] not in self.healthy:
            raise Crash
        if confirm:
            confirm()

    def files(self):
        # All files by their paths, but those of the client itself and what fills the flash.
        self.power_on()
        try:
            found = {}
            _walk('', found)
            return found
        except (OSError, ValueError) as e:  # names may be anything after a torn sector
            raise Bad('cannot be read: %r' % e)
        finally:
            self.power_off()


def _walk(folder, found):
    for entry in list(os.ilistdir(folder or '/')):
        path = (folder + '/' if folder else '') + entry[0]
        if path in ('.ota', 'tmp', 'client', 'fill'):
            continue
        if entry[1] & 0x4000:
            _walk(path, found)
            continue
        with open(path, 'rb') as f:
            found[path] = f.read()


def fill():
    # Writes until nothing fits, as a log does that nobody trims.
    for size in (2048, 64):
        try:
            with open('fill', 'ab') as f:
                while True:
                    f.write(b'\xa5' * size)
                    f.flush()
        except OSError:
            pass


def _hardware(device):
    sys.modules['hw'] = device
    sys.modules['machine'] = Machine
    sys.modules['socket'] = sys.modules['select'] = device.net
    sys.modules['gc'] = NoCollector
    sys.modules['os'] = Instead(os, urandom=bytes)  # zeros: no back-off
    sys.modules['time'] = Instead(sys.modules['_time'], sleep=lambda _: None, sleep_ms=lambda _: None)
    sys.path[:] = ['', '/lib', '/client']
    # The network part keeps nothing from one call to the next, and loading it would take a third of each start.
    global _net
    if _net is None:
        try:
            import micropython_ota_net as _net
        except ImportError:
            _net = False  # a client in one part
    if _net:
        sys.modules['micropython_ota_net'] = _net
    builtins.print = lambda *a, **_: device.printed.append(a)


say = print
_net = None


def setup():
    # Makes room for the file system of the device in place of that of this machine.
    import time

    sys.modules['_time'] = time
    vfs.umount('/')
    global _kept
    _kept = list(sys.modules)


class Release:
    def __init__(self, tag, files):
        self.tag = tag
        self.files = files

    def installed(self):
        return dict(self.files, version=self.tag.encode())

    def publish(self, net, live=True):
        lines = ['otactl 1', 'project ' + PROJECT, 'version ' + self.tag]
        for name in sorted(self.files):
            body = self.files[name]
            sum = binascii.hexlify(hashlib.sha256(body).digest()).decode()
            lines.append('file %s %d %s' % (sum, len(body), name))
            net.files['/%s/%s_%s' % (PROJECT, self.tag, name)] = body
        net.files['/%s/%s.manifest' % (PROJECT, self.tag)] = ('\n'.join(lines) + '\n').encode()
        if live:
            net.files['/%s/version' % PROJECT] = (self.tag + '\n').encode()

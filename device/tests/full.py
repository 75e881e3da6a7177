# Updates on a flash that becomes full: a littlefs of 40 blocks in RAM, and an application that takes all of its free space.
#
#   micropython full.py OLD NEW CLIENT MODE WHEN
#
# OLD and NEW are the URLs of servers on which v1.0.0 and v1.0.1 are live, CLIENT the folder of the client. MODE is plain,
# trial, or bad: v1.0.1 is never confirmed. WHEN is "before" (the flash has k free blocks when the update begins), "at" (it becomes full before operation k of
# the update) or "after" (before operation k of the starts that follow the commit). For each k it prints
#
#   #point <k> <digest while full> <digest afterwards> <starts that ended in a reset while full> <free blocks lost>
#
# A digest is that of all files but the client's and the user's, once the board has started three times with the full flash,
# and once it has started twelve times more with room again. No back-off holds the board back then.
import sys, os, gc, builtins

import board

try:
    import vfs
except ImportError:
    vfs = os

BLOCK = 4096
PAGE = 256
COUNT = 40
CHANGES = 'rename', 'remove', 'mkdir', 'rmdir'


class random:
    bytes = bytes


class Ram:
    # The block device from one start to the next: with the power off nothing reaches the flash any more, whatever MicroPython
    # closes and collects afterwards.

    def __init__(self, image):
        self.image = image
        self.on = True

    def readblocks(self, n, buf, offset=0):
        at = n * BLOCK + offset
        buf[:] = memoryview(self.image)[at : at + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        if not self.on:
            return -5  # EIO
        at = n * BLOCK + offset
        self.image[at : at + len(buf)] = buf

    def ioctl(self, op, arg):
        if op == 4:
            return COUNT
        if op == 5:
            return BLOCK
        return 0


class Device:
    def __init__(self, image):
        self.image = image
        self.mount()

    def mount(self):
        self.supply = Ram(self.image)
        vfs.mount(vfs.VfsLfs2(self.supply, readsize=PAGE, progsize=PAGE), '/flash')
        os.chdir('/flash')

    def off(self):
        self.supply.on = False
        os.chdir('/')
        vfs.umount('/flash')
        gc.collect()

    def start(self):
        end = board.start(keep)
        self.off()
        self.mount()
        return end


def take(leave=0):
    # What the application does: it writes until there is no more room, here up to some blocks.
    with real_open('fill', 'ab') as f:
        try:
            while os.statvfs('.')[3] > leave:
                f.write(bytes(BLOCK))
                f.flush()
            while not leave:
                f.write(b'0123456789abcdef' * 4)
                f.flush()
        except OSError:
            pass


def give():
    try:
        os.remove('fill')
    except OSError:
        pass


# Operations that change the flash are counted. Those of the board program itself go past this.
real_open = open
left = -1


def count():
    global left
    left -= 1
    if left == -1:
        take()


def counted(function):
    def call(*a):
        count()
        return function(*a)

    return call


def counted_open(name, mode='r', *more):
    if mode[0] != 'r':
        count()
    return real_open(name, mode, *more)


def conf(host, mode):
    with real_open('conf.py', 'w') as f:
        f.write("host = '%s'\ntimeout = 5\nfiles = user = passwd = ca = None\ntrial = '%s'\n" % (host, mode))


def veteran(old, client):
    # The image of a flash onto which the client has installed v1.0.0.
    image = bytearray(BLOCK * COUNT)
    vfs.VfsLfs2.mkfs(Ram(image), readsize=PAGE, progsize=PAGE)
    d = Device(image)
    for name in ('micropython_ota.py', 'micropython_ota_net.mpy', 'boot.py'):
        with real_open(client + '/' + name, 'rb') as s:
            with real_open(name, 'wb') as t:
                t.write(s.read())
    conf(old, 'plain')
    for _ in range(6):
        d.start()
    return finish(d)


def finish(d):
    d.off()
    return bytes(d.image)


def point(image, new, mode, when, k):
    # Tries one moment. Prints nothing and returns False if there are less than k operations.
    global left
    d = Device(bytearray(image))
    conf(new, mode)
    random.bytes = board.series()
    free = os.statvfs('.')[3]
    if when == 'before':
        take(k)
    if when == 'at':
        left = k
    resets = d.start() == 'reset'
    if when == 'after':
        left = k
        for _ in range(8 if mode == 'bad' else 2):
            d.start()
    reached = left < 0
    left = -1
    for _ in range(3):
        take()
        resets += d.start() == 'reset'
    during = board.digest()
    give()
    random.bytes = bytes
    for _ in range(12):
        d.start()
    if reached:
        print('#point', k, during, board.digest(), resets, free - os.statvfs('.')[3])
    finish(d)
    return reached and (when != 'before' or k < 16)


def run(old, new, client, mode, when):
    global keep
    sys.modules['machine'] = board.Machine
    sys.modules['os'] = board.Instead(os, urandom=lambda n: random.bytes(n), **{name: counted(getattr(os, name)) for name in CHANGES})
    builtins.open = counted_open
    sys.path[:] = ['', '.frozen', 'lib']
    keep = list(sys.modules)
    image = veteran(old, client)
    k = 0
    while point(image, new, mode, when, k):
        k += 1


run(*sys.argv[1:])

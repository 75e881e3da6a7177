# Flash memory in RAM that remembers what was done to it, so that any moment of a run can be had again: whole, or torn in the
# middle of an operation. Runs on the unix port of MicroPython.
import random

# How a cut can leave the operation that it hit. CLEAN: not begun. HALF: the first half is done. BITS: any of its bits may
# have changed. NOISE: its whole range holds anything.
CLEAN, HALF, BITS, NOISE = TEARS = ('clean', 'half', 'bits', 'noise')

_ERASED = b'\xff'


class Flash:
    # NOR flash for littlefs: an erase sets all bits of a block, programming only clears bits, in pages of `prog` bytes. Each
    # erase and each page is one operation. `log` is None or the list to which (address, bytes that are stored there) go.

    def __init__(self, block, count, prog, image=None):
        self.block = block
        self.prog = prog
        self.image = bytearray(image or _ERASED * (block * count))
        self.view = memoryview(self.image)
        self.log = None
        self._erased = _ERASED * block

    def write(self, at, buf):
        view = memoryview(buf)
        for i in range(0, len(buf), self.prog):
            self._program(at + i, bytes(view[i : i + self.prog]))

    def _program(self, at, data):
        old = self.image[at : at + len(data)]
        if old != self._erased[: len(data)]:
            data = bytes([a & b for a, b in zip(old, data)])
        self._store(at, data)

    def erase(self, block):
        self._store(block * self.block, self._erased)

    def _store(self, at, data):
        if self.log is not None:
            self.log.append((at, data))
        put(self.image, (at, data))


class Sectors(Flash):
    # What a FAT driver sees: writing a sector replaces it, and is one operation.

    def write(self, at, buf):
        view = memoryview(buf)
        for i in range(0, len(buf), self.block):
            self._store(at + i, bytes(view[i : i + self.block]))


class Supply:
    # The block device from one start to the next cut or reset: with the power off nothing reaches the flash, so that what
    # MicroPython closes and collects afterwards changes nothing.

    def __init__(self, flash):
        self.flash = flash
        self.on = True
        self._view = flash.view
        self._block = flash.block

    def readblocks(self, n, buf, offset=0):
        n = n * self._block + offset
        buf[:] = self._view[n : n + len(buf)]

    def writeblocks(self, n, buf, offset=0):
        if not self.on:
            return -5  # EIO
        self.flash.write(n * self.flash.block + offset, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.flash.image) // self.flash.block
        if op == 5:
            return self.flash.block
        if op == 6 and not self.on:
            return -5
        if op == 6 and self.flash.prog:
            self.flash.erase(arg)
        return 0


def put(image, op):
    # Does an operation of a log to an image.
    image[op[0] : op[0] + len(op[1])] = op[1]


def torn(image, op, tear, seed):
    # A copy of the image with the operation cut off in its middle.
    at, data = op
    image = bytearray(image)
    if tear == CLEAN:
        return image
    old = bytes(image[at : at + len(data)])
    rand = random_bytes(len(data), seed)
    if tear == HALF:
        half = len(data) // 2
        data = data[:half] + old[half:]
    elif tear == BITS:
        data = bytes([o ^ ((o ^ d) & r) for o, d, r in zip(old, data, rand)])
    else:
        data = rand
    put(image, (at, data))
    return image


def random_bytes(n, seed):
    random.seed(seed & 0x3FFFFFFF)
    return b''.join([random.getrandbits(24).to_bytes(3, 'little') for _ in range(n // 3 + 1)])[:n]

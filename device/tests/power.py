# Cuts the power of a device at every operation of its flash, on the unix port of MicroPython:
#
#   micropython power.py CLIENT SCENE GEOMETRY MODE TEAR NESTED
#
# CLIENT is the folder of micropython_ota, SCENE a class of power_scenes.py. One in NESTED of the operations of each recovery
# is cut as well; 0: none; -1: none, and the first cut that is bad is the last.
#
# What a device does depends on its flash alone, so of cuts that leave the same image one is tried, and of recoveries that
# end in the same image one is followed until the device has been in reach of its server.
import sys
import hashlib
import flash
import power_device as device
import power_scenes as scenes
from power_device import Bad, say

GEOMETRIES = {'lfs-32': device.LFS32, 'lfs-256': device.LFS256, 'fat': device.FAT}
FILLING = 500  # of the operations of an application that fills the flash, this many times fewer are cut


def record(d, act):
    # Does it and returns the flash from before with the log of all operations since.
    before = bytes(d.flash.image)
    d.flash.log = log = []
    try:
        act(d)
    finally:
        d.flash.log = None
    return before, log


def digest(image):
    return hashlib.sha256(image).digest()[:12]


def chance(*numbers):
    # A number from 0 to 1 that is always the same for the same numbers.
    x = 1
    for n in numbers:
        x = ((x + n) * 2654435761 ^ x >> 15) & 0xFFFFFFFF
    return (x * 2246822519 >> 8 & 0xFFFFFF) / 0x1000000


class Cuts:
    # All cuts of a scene. Of those of recoveries, all_nested counts those that there are, nested those that were tried or
    # left an image that was tried, images the different images of all.

    def __init__(self, scene, tear, nested, seed=1):
        self.scene = scene
        self.tear = tear
        self.one_in = max(nested, 0)
        self.stop = nested < 0
        self.seed = seed
        self.cuts = self.bad = self.nested = self.all_nested = self.bad_nested = 0
        self.first = None  # how the first that is bad came about
        self.verdicts = {}  # by image: None, or what is wrong
        self.again = {}  # by image: its verdict, and nested, all_nested and bad_nested of its recovery
        self.ends = {}  # by image after a recovery: its verdict

    def note(self, where, verdict):
        if self.first is None:
            self.first = '%s: %s' % (where, verdict)

    def run(self):
        d = self.scene.prepared()
        try:
            before, log = record(d, self.scene.act)
            self.scene.converge(d)
            self.scene.expect(d, self.scene.ends())
        except Bad as e:
            self.bad = 1
            return self.note('without a cut', e)
        image = bytearray(before)
        for k in range(len(log)):
            self.cuts += 1
            where = 'cut %d of %d' % (k, len(log))
            verdict, made, there, bad = self.cut(flash.torn(image, log[k], self.tear, self.seed * 7919 + k), k, where)
            self.nested += made
            self.all_nested += there
            self.bad_nested += bad
            if verdict is not None:
                self.bad += 1
                self.note(where, verdict)
                if self.stop:
                    return
            flash.put(image, log[k])

    def cut(self, image, k, where):
        # What comes of a cut, and of the cuts of its recovery.
        key = digest(image)
        if key not in self.again:
            log, filling, verdict = self.recover(image)
            self.verdicts[key] = verdict
            made = bad = 0
            if verdict is None and self.one_in:
                made, bad = self.cut_again(bytearray(image), log, filling, k, where)
            self.again[key] = verdict, made, len(log), bad
        return self.again[key]

    def cut_again(self, image, log, filling, k, where):
        made = bad = 0
        for j in range(len(log)):
            one_in = self.one_in
            for start, end in filling:
                if start <= j < end:
                    one_in *= FILLING
            if chance(self.seed, k, j) * one_in < 1:
                made += 1
                again = flash.torn(image, log[j], self.tear, self.seed + 31 * k + j)
                key = digest(again)
                if key not in self.verdicts:
                    self.verdicts[key] = self.recover(again)[2]
                if self.verdicts[key] is not None:
                    bad += 1
                    self.note('%s, then %d of %d' % (where, j, len(log)), self.verdicts[key])
            flash.put(image, log[j])
        return made, bad

    def recover(self, image):
        # Lets a device recover from this image and then come into reach of its server.
        d = self.scene.device(image)
        d.fill = self.scene.fill
        log = []
        try:
            _, log = record(d, self.scene.recover)
            self.scene.expect(d, self.scene.allowed())
            key = digest(d.flash.image)
            if key not in self.ends:
                self.ends[key] = None
                self.ends[key] = self.converge(d)
            return log, d.filling, self.ends[key]
        except Bad as e:
            return log, d.filling, str(e)

    def converge(self, d):
        try:
            self.scene.converge(d)
            self.scene.expect(d, self.scene.ends())
        except Bad as e:
            return 'after its recovery: %s' % e


def main(client, name, geometry, mode, tear, nested):
    device.setup()
    kind = getattr(scenes, name)
    c = Cuts(kind(client, GEOMETRIES[geometry], mode == 'trial'), tear, int(nested))
    c.run()
    say('cuts', c.cuts, 'bad', c.bad, 'nested', c.nested, 'of', c.all_nested, 'bad', c.bad_nested, 'images', len(c.verdicts))
    if c.first:
        say('first', c.first)


if __name__ == '__main__':
    main(*sys.argv[1:])

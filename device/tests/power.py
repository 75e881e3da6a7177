# Cuts the power of a device at every operation of its flash, on the unix port of MicroPython:
#
#   micropython power.py CLIENT SCENE GEOMETRY MODE TEAR NESTED
#
# CLIENT is the folder of micropython_ota, SCENE a class of power_scenes.py, NESTED how many cuts to make at most during
# recoveries, of those that there are; -1 ends at the first cut that is bad.
import sys
import flash
import power_device as device
import power_scenes as scenes
from power_device import Bad, say

GEOMETRIES = {'lfs-32': device.LFS32, 'lfs-256': device.LFS256, 'fat': device.FAT}


class Count:
    # How many cuts were made, how many there are, and the first that was bad.
    def __init__(self):
        self.cuts = self.bad = self.nested = self.all_nested = self.bad_nested = 0
        self.first = None

    def note(self, where, e):
        if self.first is None:
            self.first = '%s: %s' % (where, e)


def record(d, act):
    # Does it and returns the flash from before with the log of all operations since.
    before = bytes(d.flash.image)
    d.flash.log = log = []
    act(d)
    d.flash.log = None
    return before, log


def after_cut(scene, image, log, converge):
    # Lets a device recover from this image and then, if asked to, come into reach of its server. Returns the log of the
    # recovery, if asked to.
    d = scene.device(image)
    d.fill = scene.fill
    done = record(d, scene.recover)[1] if log else scene.recover(d)
    scene.expect(d, scene.allowed())
    if not converge:
        return done
    try:
        scene.converge(d)
        scene.expect(d, scene.ends())
    except Bad as e:
        raise Bad('after its recovery: %s' % e)
    return done


def cut_all(scene, tear, nested, seed=1):
    count = Count()
    d = scene.prepared()
    try:
        before, log = record(d, scene.act)
        scene.converge(d)
        scene.expect(d, scene.ends())
    except Bad as e:
        count.bad = 1
        count.note('without a cut', e)
        return count
    image = bytearray(before)
    recoveries = []
    for k in range(len(log)):
        cut = flash.torn(image, log[k], tear, seed * 7919 + k)
        count.cuts += 1
        try:
            done = after_cut(scene, cut, nested > 0, tear == flash.CLEAN or k % 8 == 0)
            if nested > 0:
                recoveries.append((k, len(done)))
        except Bad as e:
            count.bad += 1
            count.note('cut %d of %d' % (k, len(log)), e)
            if nested < 0:
                break
        flash.put(image, log[k])
    if nested > 0:
        cut_recoveries(scene, before, log, recoveries, nested, tear, count, seed)
    return count


def cut_recoveries(scene, before, log, recoveries, most, tear, count, seed):
    # Cuts the recoveries again, at all of their operations or at a sample of them.
    count.all_nested = sum([n for _, n in recoveries])
    image = bytearray(before)
    done = 0
    for k, n in recoveries:
        while done < k:
            flash.put(image, log[done])
            done += 1
        picked = [j for j in range(n) if count.all_nested <= most or chance(seed, k, j) * count.all_nested < most]
        if not picked:
            continue
        first = flash.torn(image, log[k], tear, seed * 7919 + k)
        d = scene.device(first)
        d.fill = scene.fill
        again = record(d, scene.recover)[1]
        second = bytearray(first)
        at = 0
        for j in picked:
            while at < j:
                flash.put(second, again[at])
                at += 1
            count.nested += 1
            try:
                after_cut(scene, flash.torn(second, again[j], tear, seed + 31 * k + j), False, count.nested % 8 == 0)
            except Bad as e:
                count.bad_nested += 1
                count.note('cut %d of %d, then %d of %d' % (k, len(log), j, n), e)


def chance(*numbers):
    # A number from 0 to 1 that is always the same for the same numbers.
    x = 1
    for n in numbers:
        x = ((x + n) * 2654435761 ^ x >> 15) & 0xFFFFFFFF
    return (x * 2246822519 >> 8 & 0xFFFFFF) / 0x1000000


def main(client, name, geometry, mode, tear, nested):
    device.setup()
    kind = getattr(scenes, name)
    count = cut_all(kind(client, GEOMETRIES[geometry], mode == 'trial'), tear, int(nested))
    say('cuts', count.cuts, 'bad', count.bad, 'nested', count.nested, 'of', count.all_nested, 'bad', count.bad_nested)
    if count.first:
        say('first', count.first)


if __name__ == '__main__':
    main(*sys.argv[1:])

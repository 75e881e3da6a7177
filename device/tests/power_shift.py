# Updates, and reverts, from many states of the folder .ota, on the unix port of MicroPython:
#
#   micropython power_shift.py CLIENT SCENE GEOMETRY MODE STATES STEP
#
# What littlefs does at a change of a folder depends on how many changes there were before: it appends to a block, or copies
# the folder to another one, which may be split, or, each hundred times, moved to new blocks. Here an update begins STEP
# changes later each time, and no power is cut.
import os, sys
import power_device as device
import power_scenes as scenes
from power import GEOMETRIES
from power_device import Bad, say


def change(d, times):
    d.power_on()
    for _ in range(times):
        with open('.ota/z', 'wb') as f:
            f.write(b'z')
    os.remove('.ota/z')
    d.power_off()


def main(client, name, geometry, mode, states, step):
    device.setup()
    scene = getattr(scenes, name)(client, GEOMETRIES[geometry], mode == 'trial')
    aging = scene.prepared()
    bad = 0
    first = None
    for n in range(int(states)):
        change(aging, int(step))
        d = scene.device(aging.flash.image)
        try:
            scene.act(d)
            scene.expect(d, scene.ends())
        except Bad as e:
            bad += 1
            first = first or 'after %d changes: %s' % ((n + 1) * int(step), e)
    say('states', states, 'bad', bad)
    if first:
        say('first', first)


if __name__ == '__main__':
    main(*sys.argv[1:])

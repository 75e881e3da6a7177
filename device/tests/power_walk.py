# A device, its server and its user take steps at random, on the unix port of MicroPython:
#
#   micropython power_walk.py CLIENT GEOMETRY MODE SEED STEPS
#
# After every step the device starts and holds one whole release and what is its user's. Every CALM steps everybody is
# sensible for a while: within 10 starts it has the version of the server, or has rejected it and runs another one.
import sys, random
import flash
import power_device as device
from power import GEOMETRIES, record
from power_device import *
from power_net import respond
from power_scenes import OWN, boot_file, main_file, module, write

CALM = 20
EDITED = 'settings.py'  # some releases have it, and the user edits it

_TAMED = ('util', 'ui', 'net.link', 'net.far.mesh', 'sensor')


def release(n, trial):
    # Release n: some of the modules, with some of their contents from before.
    tag = 'v1.%d.0' % n
    names = [m for m in _TAMED if random.random() < 0.6]
    files = {'boot.py': boot_file(tag if n % 3 == 0 else 'v1.0.0', trial), 'main.py': main_file(tag, trial, *names)}
    for name in names:
        files[name.replace('.', '/') + '.py'] = module(tag, random.randrange(900))
    for name in ('data.bin', 'lib/font.bin'):
        if random.random() < 0.7:
            files[name] = bytes([n % 5 + 65]) * random.randrange(1, 2000)
    if random.random() < 0.5:
        files[EDITED] = b'level = %d\n' % (n % 4)
    return Release(tag, files)


class Walk:
    def __init__(self, client, geometry, trial):
        self.client = client
        self.geometry = geometry
        self.trial = trial
        self.releases = {}
        self.good = set()
        self.edit = None  # what the user wrote last
        self.kept = False  # and whether it was there after the last step
        self.counts = {}
        self.device = self.copy(None)
        self.net = self.device.net
        self.device.format()
        first = self.publish(True)
        write(self.device, dict(OWN, **{'boot.py': first.files['boot.py'], 'main.py': b'import hw\nhw.main(None, "by hand")\n'}))
        self.releases['by hand'] = None
        self.calm()

    def copy(self, image):
        d = Device(self.client, self.geometry, image)
        d.healthy = self.good
        return d

    def publish(self, good):
        n = len(self.releases)
        r = release(n, self.trial)
        self.releases[r.tag] = r
        if good:
            self.good.add(r.tag)
        r.publish(self.net)
        self.live = r.tag
        return r

    # The steps.

    def step_publish(self):
        self.publish(not self.trial or random.random() < 0.7)
        self.device.start()

    def step_rollback(self):
        tags = [t for t in self.releases if t in self.good and t != self.live]
        if tags:
            self.live = random.choice(sorted(tags)[-6:])
            self.net.files['/%s/version' % PROJECT] = self.live.encode() + b'\n'
        self.device.start()

    def step_poll(self):
        self.device.start()

    def step_unconfirmed(self):
        # The application does not get as far as to confirm.
        self.device.healthy = ()
        self.device.start()
        self.device.healthy = self.good

    def step_cut(self):
        tear = random.choice(flash.TEARS)
        before, log = record(self.device, Device.start)
        if not log:
            return
        k = random.randrange(len(log))
        image = bytearray(before)
        for op in log[:k]:
            flash.put(image, op)
        seed = random.getrandbits(24)
        self.device.flash.image[:] = flash.torn(image, log[k], tear, seed)
        random.seed(seed)

    def step_reset(self):
        # A watchdog bites during a request.
        self.faulty(lambda path, response: reset())

    def step_fault(self):
        kind = random.randrange(6)

        def fault(path, response):
            if random.random() < 0.6:
                return response
            if kind == 0:
                return None
            if kind == 1:
                return respond(b'404 Not Found', b'no')
            if kind == 2:
                return respond(b'500 Internal Server Error', b'oops')
            if kind == 3:
                return respond(b'200 OK', b'<html>Welcome to the hotel</html>')
            if kind == 4:
                i = len(response) - 1 - random.randrange(min(40, len(response)))
                return response[:i] + bytes([response[i] ^ 1]) + response[i + 1 :]
            return response[: random.randrange(len(response))]

        self.faulty(fault)

    def faulty(self, fault):
        d = self.device
        calls = [random.randrange(8)]

        def late(path, response):
            calls[0] -= 1
            return response if calls[0] >= 0 else fault(path, response)

        d.net.fault = late
        d.start()
        d.net.fault = None

    def step_offline(self):
        self.net.up = False
        self.device.start()
        self.net.up = True

    def step_fill(self):
        self.device.fill = True
        self.device.start()
        self.device.start()
        self.device.fill = False
        if random.random() < 0.7:
            self.trim()

    def trim(self):
        self.device.power_on()
        try:
            os.remove('fill')
        except OSError:
            pass
        self.device.power_off()

    def step_edit(self):
        # At rest: what is edited during a trial goes with the trial.
        self.trim()
        if self.there('.ota/try') or self.there('.ota/up') or self.there('.ota/back'):
            return
        self.edit = b'level = %d  # mine\n' % random.randrange(1000)
        write(self.device, {EDITED: self.edit})
        self.kept = True
        self.device.start()

    # What holds.

    def check(self):
        # Of a copy that is out of reach of its server.
        d = self.copy(self.device.flash.image)
        d.net.up = False
        d.settle()
        files = d.files()
        for name in OWN:
            if files.pop(name, None) != OWN[name]:
                raise Bad('%s of the user is lost' % name)
        tag = files.get('version', b'by hand').decode()
        want = dict(self.releases[tag].installed())
        self.check_edited(files.pop(EDITED, None), want.pop(EDITED, None))
        if files != want:
            raise Bad('%s is mixed: %s' % (tag, sorted([n for n in set(list(files) + list(want)) if files.get(n) != want.get(n)])))
        if any([t != tag for t in d.ran]):
            raise Bad('%s ran %s' % (tag, d.ran))
        return tag

    def check_edited(self, there, released):
        # What the user wrote may be replaced by a release that has the file, and come back with a revert.
        if self.kept and released is None and there != self.edit:
            raise Bad('what the user wrote is lost')
        if there not in (released, self.edit):
            raise Bad('%s is %r' % (EDITED, there))
        self.kept = there == self.edit and there is not None

    def calm(self):
        self.trim()
        for _ in range(10):
            self.device.start()
        tag = self.check()
        if tag == self.live and tag in self.good:
            return
        if tag != self.live and self.rejected() == self.live:
            return
        raise Bad('%s runs and %s is live, rejected %s: %s' % (tag, self.live, self.rejected(), self.device.printed))

    def rejected(self):
        line = self.there('.ota/bad')
        return line.split()[2].decode() if line else None

    def there(self, path):
        # The first line of a file.
        self.device.power_on()
        try:
            with open(path, 'rb') as f:
                return f.readline()
        except OSError:
            return None
        finally:
            self.device.power_off()

    def walk(self, steps):
        names = ('publish', 'publish', 'rollback', 'poll', 'unconfirmed', 'cut', 'cut', 'cut', 'cut', 'reset', 'fault', 'fault', 'offline', 'fill', 'edit')
        for n in range(steps):
            name = random.choice(names)
            self.counts[name] = self.counts.get(name, 0) + 1
            try:
                getattr(self, 'step_' + name)()
                self.check()
                if n % CALM == CALM - 1:
                    self.calm()
            except Bad as e:
                raise Bad('step %d, %s: %s' % (n, name, e))


def reset():
    raise Reset


def main(client, geometry, mode, seed, steps):
    device.setup()
    random.seed(int(seed))
    try:
        w = Walk(client, GEOMETRIES[geometry], mode == 'trial')
        w.walk(int(steps))
    except Bad as e:
        say('bad', e)
        return
    say('steps', steps, ' '.join(['%s %d' % (n, w.counts[n]) for n in sorted(w.counts)]))


if __name__ == '__main__':
    main(*sys.argv[1:])

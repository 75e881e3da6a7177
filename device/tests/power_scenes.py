# The scenes in which power is cut: how the flash gets there, what the device then does, and what may be found afterwards.
from power_device import *

# What users keep beside the files of a release. It is there before and after everything.
OWN = {'config.json': b'{"name": "cellar"}', 'lib/own.py': b'V = 0\n'}


def module(tag, size=0):
    return b"V = '%s'\n" % tag.encode() + b'#' * size + b'\n'


def boot_file(tag, trial, names=None):
    if trial:
        start = 'import micropython_ota as ota\nimport hw\nhw.boot(ota.boot(%d))\n' % TRIES
    else:
        start = 'import micropython_ota as ota\nimport hw\nhw.boot()\n'
    return (start + "ota.ota_update('%s', '%s'%s)\n# %s\n" % (HOST, PROJECT, ', %r' % names if names else '', tag)).encode()


def main_file(tag, trial, *modules):
    lines = ['import hw'] + ['import ' + m for m in modules]
    confirm = 'None'
    if trial:
        confirm = 'confirm'
        lines.append('from micropython_ota import confirm')
    tags = ', '.join([m + '.V' for m in modules])
    return ('\n'.join(lines) + "\nhw.main(%s, '%s', %s)\n" % (confirm, tag, tags)).encode()


def old_and_new(trial, new_boot):
    # Two releases with changed, unchanged, added, removed and nested files, a binary one and one without a byte. On FAT
    # boot.py does not change: there nothing replaces a file in one step.
    one, two = 'v1.0.0', 'v1.1.0'
    old = {
        'boot.bin': b'goes',  # the entry before boot.py
        'boot.py': boot_file(one, trial),
        'main.py': main_file(one, trial, 'util', 'old', 'gone.far.away', 'turns'),
        'data.bin': bytes(range(256)) * 5,
        'gone/far/away.py': module(one),
        'gone/far/__init__.py': b'',
        'lib/util.py': module(one, 100),
        'old.py': module(one),
        'same.py': module(one, 700),
        'turns.py': module(one),
    }
    new = {
        'boot.py': boot_file(two if new_boot else one, trial),
        'main.py': main_file(two, trial, 'util', 'new', 'fresh.deep.leaf', 'turns.inner'),
        'data.bin': bytes(range(255, -1, -1)) * 5,
        'fresh/deep/leaf.py': module(two, 300),
        'lib/util.py': module(two, 150),
        'new.py': module(two),
        'same.py': module(one, 700),
        'turns/inner.py': module(two),
    }
    return Release(one, old), Release(two, new)


def named(trial):
    # Two releases of the same files, which boot.py names: all that the original can do.
    names = ['boot.py', 'main.py', 'data.bin', 'util.py']
    releases = []
    for tag, data in (('v1.0.0', bytes(range(256))), ('v1.1.0', bytes(range(255, -1, -1)))):
        releases.append(
            Release(
                tag,
                {
                    'boot.py': boot_file(tag, trial, names),
                    'main.py': main_file(tag, trial, 'util'),
                    'data.bin': data * 5,
                    'util.py': module(tag, 600),
                },
            )
        )
    return releases


class Scene:
    # One scene. Those below change what differs: prepare, act, allowed, ends.
    #
    # trial: how boot.py is written. sick: the new release does not confirm. fill: after the cut the application fills
    # the flash. crowd: .ota holds 40 more files, and slots are free before them.
    sick = False
    fill = False
    crowd = False

    def __init__(self, client, geometry, trial):
        self.client = client
        self.geometry = geometry
        self.trial = trial
        self.old, self.new = self.releases()
        net = Net()
        self.old.publish(net, live=False)
        self.new.publish(net)
        self.served = net.files

    def releases(self):
        return old_and_new(self.trial, self.geometry[0] != 'fat')

    def device(self, image=None):
        device = Device(self.client, self.geometry, image)
        device.net.files.update(self.served)
        device.healthy = [self.old.tag] if self.sick else [self.old.tag, self.new.tag]
        return device

    def prepared(self):
        # A device on which the client has installed the old release over what somebody had copied by hand. boot.py is equal.
        device = self.device()
        device.format()
        by_hand = dict(OWN)
        by_hand['boot.py'] = self.old.files['boot.py']
        by_hand['main.py'] = b'import hw\nhw.main(None, "v0.9.0")\n'
        write(device, by_hand)
        device.healthy.append('v0.9.0')
        self.old.publish(device.net)
        for _ in range(3):
            device.settle()
        self.expect(device, [self.old])
        self.new.publish(device.net)
        if self.crowd:
            crowd(device)
        self.prepare(device)
        return device

    def prepare(self, device):
        pass

    def act(self, device):
        # What is recorded, and cut at every operation. Ends with the device at rest.
        device.settle()

    def recover(self, device):
        # What happens after a cut, without a network.
        device.net.up = False
        device.settle()

    def allowed(self):
        return [self.old, self.new]

    def converge(self, device):
        # The network is back, and room.
        remove_fill(device)
        device.net.up = True
        for _ in range(3):
            device.settle()

    def ends(self):
        # What may be there after that.
        return [self.new]

    def expect(self, device, releases):
        # Refuses what is none of these releases, whole, beside what the user keeps. Returns the one that is there.
        files = device.files()
        for name in OWN:
            if files.pop(name, None) != OWN[name]:
                raise Bad('%s of the user is lost' % name)
        for release in releases:
            if files == release.installed():
                if device.ran and any([t != device.ran[0] for t in device.ran]):
                    raise Bad('the application of %s ran with %s' % device.ran)
                return release
        raise Bad('%s; %s' % (self.describe(files), device.printed))

    def describe(self, files):
        said = []
        old, new = self.old.installed(), self.new.installed()
        for name in sorted(set(list(old) + list(new) + list(files))):
            there = files.get(name)
            if there == old.get(name) == new.get(name):
                continue
            said.append(name + (' old' if there == old.get(name) else ' new' if there == new.get(name) else ' LOST' if there is None else ' TORN'))
        return 'mixed: ' + ', '.join(said)


class Update(Scene):
    name = 'update'


class UpdateFull(Scene):
    # The application fills the flash as soon as it runs again.
    name = 'update, flash full after the cut'
    fill = True

    def recover(self, device):
        device.net.up = False
        for _ in range(2):
            device.settle()
        device.net.up = True  # what was not committed finds no room
        device.settle()


class Conflict(Scene):
    # The user has a file where the release has a folder.
    name = 'update that is in the way of a file'

    def releases(self):
        old, new = Scene.releases(self)
        new.files['lib/own.py/x.py'] = b''
        return old, new

    def ends(self):
        return [self.old]


class Named(Scene):
    name = 'update of named files'

    def releases(self):
        return named(self.trial)


class Crowded(Scene):
    name = 'update, crowded .ota'
    crowd = True


class RunsOut(Scene):
    # Update, boot, and a trial that nobody confirms.
    name = 'update, trial runs out'
    sick = True

    def act(self, device):
        for _ in range(TRIES + 2):
            device.settle()

    def recover(self, device):
        device.net.up = False
        for _ in range(TRIES + 2):
            device.settle()

    def allowed(self):
        return [self.old]

    def converge(self, device):
        remove_fill(device)
        device.net.up = True
        for _ in range(TRIES + 3):
            device.settle()

    def ends(self):
        return [self.old]


class RunsOutFull(RunsOut):
    name = 'update, trial runs out, flash full after the cut'
    fill = True


class RunsOutCrowded(RunsOut):
    name = 'update, trial runs out, crowded .ota'
    crowd = True


class Resume(RunsOut):
    # The download had been broken off, and the old application confirmed itself meanwhile.
    name = 'resume after a confirm, trial runs out'

    def prepare(self, device):
        before = device.net.requests
        device.net.fault = lambda path, response: response if device.net.requests - before < 6 else None
        device.settle()
        device.net.fault = None


class Revert(RunsOut):
    # The trial has run out: the next start reverts.
    name = 'revert'

    def prepare(self, device):
        for _ in range(TRIES):
            device.settle()
        self.expect(device, [self.new])

    def act(self, device):
        device.settle()
        self.expect(device, [self.old])


class Confirm(Scene):
    # The new release works and says so; after the cut it does not.
    name = 'confirm'

    def prepare(self, device):
        device.healthy = [self.old.tag]
        device.settle()
        device.healthy.append(self.new.tag)

    def recover(self, device):
        device.net.up = False
        device.healthy = [self.old.tag]
        for _ in range(TRIES + 2):
            device.settle()

    def converge(self, device):
        device.healthy.append(self.new.tag)
        Scene.converge(self, device)

    def ends(self):
        return [self.old, self.new]


class Short(Scene):
    # There is room for the new files, and none for copies of the old ones. The entry before boot.py is a large file.
    name = 'update without room for copies'
    room = 9  # blocks beside those for new files

    def releases(self):
        block = self.geometry[1]
        releases = []
        for tag, letter in (('v1.0.0', b'a'), ('v1.1.0', b'b')):
            files = {'boot.py': boot_file(tag, self.trial), 'main.py': main_file(tag, self.trial)}
            for name in ('boot.bin', 'data.bin', 'lib/font.bin', 'lib/hold.bin'):
                files[name] = letter * (4 * block)
            releases.append(Release(tag, files))
        return releases

    def prepare(self, device):
        block = self.geometry[1]
        need = sum([len(body) // block + 1 for body in self.new.files.values()])
        device.power_on()
        with open('fill', 'wb') as f:
            while os.statvfs('.')[3] > need + self.room:
                f.write(bytes(block // 2))
                f.flush()
        device.power_off()

    def ends(self):
        return [self.old, self.new]


class Refused(Short):
    # A trial then is none.
    name = 'update that is refused for lack of room'

    def ends(self):
        return [self.old]

    def act(self, device):
        device.settle()
        if not any(['OSError(28' in str(said) for said in device.printed]):
            raise Bad('was not refused: %s' % device.printed)


class Wide(RunsOut):
    # Most of the flash holds files of some blocks, so that blocks that are given away are needed.
    name = 'many large files, trial runs out'

    def releases(self):
        block, count = self.geometry[1:3]
        releases = []
        for tag, letter in (('v1.0.0', b'a'), ('v1.1.0', b'b')):
            files = {'boot.py': boot_file(tag, self.trial), 'main.py': main_file(tag, self.trial)}
            for i in range(count // 9):
                files[('lib/' if i % 2 else '') + 'f%02d.bin' % i] = letter * (block + 40 * i)
            releases.append(Release(tag, files))
        return releases


def write(device, files):
    device.power_on()
    for name in files:
        parts = name.split('/')
        for i in range(1, len(parts)):
            try:
                os.mkdir('/'.join(parts[:i]))
            except OSError:
                pass
        with open(name, 'wb') as f:
            f.write(files[name])
    device.power_off()


def crowd(device):
    device.power_on()
    try:
        os.mkdir('.ota')
    except OSError:
        pass
    for i in range(48):
        with open('.ota/x%d' % i, 'wb') as f:
            f.write(b'%d' % i)
    for i in range(8):
        os.remove('.ota/x%d' % i)
    device.power_off()


def remove_fill(device):
    if not device.fill:
        return
    device.fill = False
    device.power_on()
    try:
        os.remove('fill')
    except OSError:
        pass
    device.power_off()

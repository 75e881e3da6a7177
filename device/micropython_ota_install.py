# Updates over the air for MicroPython, part of the network part of micropython_ota: downloads a release and commits it.
# The state on flash is described in micropython_ota.py, which is `ota` here.
import os
from binascii import hexlify
from hashlib import sha256

from micropython import const
from micropython_ota_http import Http
from micropython_ota_manifest import MANIFEST, check_manifest, is_name, need

_FLUSH = const(32768)  # a reset loses no more than this of a download
_DROPS = const(5)  # of one file in one update
_DIR = const(0x4000)

# Numbers of files in the journal, which falls from line to line: what is deleted, what is new, .ota/i, version. So the file that
# a step moves out of .ota/ is always the last of its kind there, and the one after it is the empty n_ or b_. That must be: while
# a file goes from one folder to another, littlefs does not see the one after it, and may give its blocks away.
_OLD = const(9999)
_NEW = const(5000)
_I = const(1001)
_VERSION = const(1000)


def words(name):
    # Of the first line of a file; none if it is not there.
    try:
        with open(name, 'rb') as f:
            return f.readline(200).split()
    except OSError:
        return []


def _sweep(names):
    # Removes n<k>, b<k> a few at a time: memory does not grow with their number. A listing is read to its end before
    # anything is removed, because removing below an open one skips entries.
    found = True
    while found:
        found = []
        for e in os.ilistdir('.ota'):
            if e[0][0] in names and e[0][1:].isdigit() and len(found) < 9:
                found.append(e[0])
        for name in found:
            os.remove('.ota/' + name)


def _next(f):
    # Path, size, SHA-256 and line of the next file in a manifest or in .ota/i; at its end '~', which sorts behind every path.
    # Without a bound: readline takes all of a bound at once, and the lines were checked.
    while True:
        line = f.readline()
        w = line.split()
        if not line:
            return '~', 0, w, line
        if w[:1] == [b'file'] and len(w) == 4:
            return w[3].decode(), int(w[2]), w[1], line


def _planned(path):
    # Whether the plan deletes this file, or all that is in this folder.
    if os.stat(path)[0] & _DIR:
        e = None
        for e in os.ilistdir(path):
            if not _planned(path + '/' + e[0]):
                return
        return e  # an empty folder nobody removes
    with open('.ota/q') as q:
        for line in q:
            if line[0] == 'd' and line.split()[2] == path:
                return True


class Client(Http):
    def __init__(self, ota, *a, key=None, ready=None, **k):
        Http.__init__(self, *a, **k)
        self.ota = ota
        self.stat = ota._is
        self.key = key if key is None or isinstance(key, str) else ' '.join(key)
        self.ready = ready

    def wants(self):
        # Whether an update to this version would be tried now, the same for a poll and for the update that follows it.
        stat = self.stat
        v = self.v.encode()
        if words('version') == [v] or v in words('.ota/bad') or stat('.ota/up') or stat('.ota/back') or self.ota._trial and stat('.ota/try'):
            return False
        self.failed = -1  # it was not tried
        w = words('.ota/f')
        if w[:1] != [v] or len(w) < 2 or not w[1].isdigit():
            return True
        # After n failures one of 2^n polls tries, at least one of 64: that needs no clock, and a fleet does not come at once.
        # A third word was written by a poll that has drawn already.
        self.failed = n = int(w[1])
        return len(w) > 2 or not os.urandom(1)[0] & (1 << min(n, 6)) - 1

    def note(self, failed, word=''):
        if not self.stat('.ota'):
            os.mkdir('.ota')
        with open('.ota/f', 'w') as f:
            f.write('%s %d %s\n' % (self.v, failed, word))

    def fits(self, blocks):
        st = os.statvfs('.')
        if blocks + 4 > st[3]:
            raise OSError(28)  # ENOSPC, while everything is as it was
        self.block = st[1]

    def blocks(self, path):
        st = self.stat(path)
        return -(-st[6] // self.block) if st else 0

    def copy(self, path):
        # Blocks for what a trial keeps of an old file.
        return self.mode == 'trial' and self.blocks(path)

    def pump(self, name, write):
        # Feeds a file to a function and returns its size.
        total = 0
        with open(name, 'rb') as f:
            n = 1
            while n:
                n = f.readinto(self.buf)
                write(self.buf[:n])
                total += n
                self.tick()
        return total

    def same(self, path, size, sha):
        st = self.stat(path)
        if not st or st[0] & _DIR or st[6] != size:
            return False
        h = sha256()
        self.pump(path, h.update)
        return hexlify(h.digest()) == sha

    def op(self, k, path):
        # The line of the plan that replaces or adds; an error if something of the user is in the way, like a folder that is not empty. Folders are made
        # now: after the commit there are only renames, which a full flash allows.
        st = self.stat(path)
        if st and st[0] & _DIR:
            if not _planned(path):
                os.rmdir(path)
            st = None
        i = path.find('/')
        while i > 0:
            folder = path[:i]
            x = self.stat(folder)
            if not x and self.stat(folder + '.py'):
                break  # which an empty folder would hide from the running application: the replay makes it
            if not x:
                os.mkdir(folder)
            elif not x[0] & _DIR:
                need(_planned(folder), folder)  # a file that goes before this one comes
                break
            i = path.find('/', i + 1)
        return '%s %d %s\n' % ('r' if st else 'a', k, path)

    def manifest(self):
        # Gets the manifest and returns what is between the version and the name of a file.
        name = '.ota/m'
        try:
            self.body(name, MANIFEST, 0, sha256())
            folder = check_manifest(name, self.buf, self.project, self.v.encode())
            if self.key is not None:
                from micropython_ota_key import check_signature

                check_signature(name, self.key)
        except ValueError:
            os.remove(name)
            raise
        return '/' if folder else '_'

    def plan(self, names):
        # Writes the plan, .ota/q, and the next .ota/i: one pass over both sorted lists for what goes, one for what comes.
        open('.ota/i', 'ab').close()
        missing = set(names or ())
        blocks = 0
        k = _OLD
        with open('.ota/q', 'w') as q, open('.ota/m', 'rb') as m, open('.ota/i', 'rb') as i:
            new = _next(m)
            old = _next(i)
            while old[0] != '~':
                while new[0] < old[0]:
                    new = _next(m)
                # Only what this client installed, and only if it still is what was installed.
                if new[0] != old[0] and old[0] not in missing and self.same(*old[:3]):
                    blocks += self.copy(old[0])
                    q.write('d %d %s\n' % (k, old[0]))
                    k -= 1
                old = _next(i)
        k = _NEW
        with open('.ota/q', 'a') as q, open('.ota/m', 'rb') as m, open('.ota/i', 'rb') as i, open('.ota/n%d' % _I, 'wb') as n:
            old = _next(i)
            while True:
                path, size, sha, line = _next(m)
                if path == '~':
                    break
                k -= 1
                while old[0] < path:
                    old = _next(i)
                part = '.ota/n%d' % k
                ours = old[0] == path
                if names is not None and path not in names:
                    line = old[3]
                elif self.same(path, size, sha):
                    self.ota._rm(part)
                else:
                    q.write(self.op(k, path))
                    blocks += size // self.block + 1 - self.blocks(part) + self.copy(path)
                    ours = True
                if ours:
                    n.write(line)
                missing.discard(path)
        need(not missing, missing)
        self.fits(blocks)

    def body(self, name, size, have, h):
        # Adds the body to a file and returns the size of the file, at most `size`.
        with open(name, 'ab' if have else 'wb') as f:
            n = 1
            while n:
                n = self.read()
                have += n
                need(have <= size, 'length')
                data = self.buf[:n]
                h.update(data)
                f.write(data)
                if have % _FLUSH < n:
                    f.flush()
        return have

    def stage(self, name, path, size, sha):
        # Gets a file to n<k>, going on where an earlier attempt ended. It is hashed again here: so all that is committed was
        # verified by the run that commits it.
        for _ in range(_DROPS):
            h = sha256()
            have = start = self.pump(name, h.update) if self.stat(name) else 0
            if have < size or not size:
                status = self.get(path, have, size - have)
                if status == 416:
                    os.remove(name)
                    continue
                if status == 200:  # no ranges here, if one was asked for
                    start = 0
                    h = sha256()
                else:
                    need(status == 206 and have, (path, status))
                need(self.chunked or self.left == size - start, (path, self.left))
                try:
                    if self.body(name, size, start, h) < size:  # chunked: else it is as long as announced
                        raise OSError('length')
                except OSError:
                    if self.stat(name)[6] <= have:
                        raise
                    self.note(0)
                    continue
            if self.stat(name)[6] == size and hexlify(h.digest()) == sha:
                if have < size:
                    self.note(0)  # at once, for a power cut: the failures so far do not hold up an update that gets on
                return
            os.remove(name)
            need(have, (path, 'hash'))  # else part of another release was there: once more
        raise OSError('connection')

    def listed(self, base):
        n = _NEW
        with open('.ota/m', 'rb') as m, open('.ota/q') as q:
            for line in q:
                op, k, path = line.split()
                if op != 'd':
                    while n > int(k):
                        new = _next(m)
                        n -= 1
                    self.stage('.ota/n' + k, base + path, new[1], new[2])

    def hand_made(self, base, names):
        # A server without manifests: the length is all that can be checked.
        need(names, 'filenames')
        _sweep('n')
        k = _NEW
        with open('.ota/q', 'w') as q:
            for path in names:
                k -= 1
                need(is_name(path.encode()), path)
                status = self.get(base + path, 0, 1 << 20)
                need(status == 200 and not self.chunked, (path, status))
                self.fits(self.left // self.block)
                self.body('.ota/n%d' % k, self.left, 0, sha256())
                q.write(self.op(k, path))

    def commit(self, manifest):
        with open('.ota/q', 'a') as q:
            if manifest:
                q.write(self.op(_I, '.ota/i'))
            q.write(self.op(_VERSION, 'version'))
        with open('.ota/n%d' % _VERSION, 'w') as f:
            f.write(self.v)
        if self.mode == 'trial':
            with open('.ota/b0', 'wb') as f:
                f.seek(4 * self.block)
                f.write(self.v)
        h = sha256()
        line = '1 %s %s\n' % (self.mode, self.v)
        fat = self.mode == 'copy'
        # There the journal is written in place, and its last line says that it is whole.
        with open('.ota/q') as q, open('.ota/up' if fat else '.ota/t', 'wb') as j:
            while line:
                op, k, path = line.split()
                if path == 'boot.py' and op != 'd':
                    # The one file that no revert can save: without it nobody calls this client.
                    try:
                        with open('.ota/n' + k) as f:
                            compile(f.read(), path, 'exec')
                    except (NameError, MemoryError):  # not every port has compile
                        pass
                if self.mode == 'trial' and op in 'rd':
                    with open('.ota/b' + k, 'wb') as b:
                        self.pump(path, b.write)
                h.update(line)
                j.write(line)
                line = q.readline()
            j.write(b'end 0 ' + hexlify(h.digest()) + b'\n')
        if not fat:
            self.fits(0)
            os.rename('.ota/t', '.ota/up')  # the commit: before it nothing has changed, after it there are only renames
        for x in 'mqf':
            self.ota._rm('.ota/' + x)

    def update(self, names, sep):
        if self.stat('.ota/try'):
            self.ota.confirm()  # boot.py does not call boot() any more: nobody would end this trial
        if self.stat('.ota'):
            # Old content of an older update would be taken for that of this one. New content of the same version is kept.
            _sweep('b' if self.failed >= 0 else 'bn')
        self.note(max(self.failed, 0) + 1)  # first: an attempt that ends in a watchdog reset counts too
        self.fits(0)
        # What ignores case is FAT, and has no atomic rename.
        self.mode = 'copy' if self.stat('.OTA') else 'trial' if self.ota._trial else 'plain'
        for x in 'nb':
            open('.ota/%s_' % x, 'a').close()
        base = '/' + self.v
        status = self.get(base + '.manifest')
        manifest = status == 200
        if manifest:
            base += self.manifest()
            self.plan(names)
            self.listed(base)
        else:
            # Object stores answer 403 for what is not there. One stale answer must not end the checks of a fleet.
            need(status in (403, 404) and self.key is None and not self.stat('.ota/i'), ('manifest', status))
            self.hand_made(base + sep, names)
        if self.ready and not self.ready():
            self.note(0)
            return False
        self.commit(manifest)
        return True

# Updates over the air for MicroPython, the network part of micropython_ota: what to install, downloading it, committing it.
# The format is docs/FORMAT.md of https://github.com/otactl/otactl. The state on flash is described in micropython_ota.py,
# which is the argument `ota` here.
import os
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from hashlib import sha256
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_BUFFER = const(1536)
_LINE = const(512)  # of a header
_HEADERS = const(64)
_MANIFEST = const(65536)
_FILES = const(500)
_I = const(501)  # .ota/i is staged as n501 and version as n0; what is deleted is kept as b502 and so on
_FLUSH = const(32768)  # a reset loses no more than this of a download
_DROPS = const(5)  # of one file in one update
_DIR = const(0x4000)

_LOWER = b'abcdefghijklmnopqrstuvwxyz'
_WORD = _LOWER + b'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-'


def _need(ok, e):
    if not ok:
        raise ValueError(e)


# The grammar. strip stands for character classes, and what was parsed is compared as text: int() and the like accept more
# than one spelling.


def _number(s):
    return s.isdigit() and (s == b'0' or s[0] != 48) and int(s) >> 64 == 0


def is_tag(s):
    if len(s) > 64 or s.strip(_WORD + b'.') or s.lower().endswith(b'.manifest'):
        return False
    s = (s[1:] if s[:1] == b'v' else s).split(b'-', 1)
    core = s[0].split(b'.')
    if len(core) != 3:
        return False
    for x in core:
        if not _number(x):
            return False
    for x in s[1].split(b'.') if len(s) > 1 else ():
        if not x or x.isdigit() and not _number(x):
            return False
    return True


def is_project(s):
    return 0 < len(s) <= 64 and not s.strip(_WORD + b'._') and s[0] not in b'._-'


def is_name(s):
    if len(s) > 128 or s.strip(_WORD + b'._/'):
        return False
    w = s.lower().split(b'/')
    for x in w:
        if not x or x[0] == 46 or x[-1] == 46:
            return False
    x = w[w[0] == b'lib' and len(w) > 1]
    return w[0] not in (b'version', b'tmp') and (x[:15] != b'micropython_ota' or x[15:] not in (b'', b'.py', b'.mpy'))


def _hex(s, n):
    try:
        return len(s) == n and hexlify(unhexlify(s)) == s
    except ValueError:
        return False


def _lines(name):
    total = 0
    printable = bytes(range(32, 127))
    with open(name, 'rb') as f:
        while True:
            line = f.readline(901)
            if not line:
                break
            total += len(line)
            _need(line[-1] == 10 and 1 < len(line) and total <= _MANIFEST, 'manifest')
            line = line[:-1]
            if line[:5] != b'file ':  # whose words are checked one by one
                _need(not line.strip(printable) and line.strip() == line and line.find(b'  ') < 0, line)
            yield line
    while True:
        yield b''


def _names(name):
    with open(name, 'rb') as f:
        for line in f:
            if line[:5] == b'file ':
                yield line.split()[3].lower()


def check_manifest(name, buf, project=None, version=None):
    # Whether the file is a manifest, and of this release if one is given; ValueError if not. True if its files lie in a
    # folder. buf is _BUFFER bytes to work in.
    lines = _lines(name)
    _need(next(lines) == b'otactl 1', 'manifest')
    for word, what, valid in ((b'project', project, is_project), (b'version', version, is_tag)):
        w = next(lines).split(b' ')
        _need(len(w) == 2 and w[0] == word and valid(w[1]) and what in (None, w[1]), w)
    line = next(lines)
    folder = line == b'layout directory'
    if folder:
        line = next(lines)
    last = ''
    n = 0
    while line[:5] == b'file ':
        w = line.split(b' ')
        _need(len(w) == 4 and _hex(w[1], 64) and _number(w[2]) and len(w[2]) < 10 and is_name(w[3]), line)
        path = str(w[3], 'utf-8')
        n += 1
        _need(path > last and n <= _FILES, line)
        last = path
        line = next(lines)
    _need(n, line)
    n = 0
    while line:
        w = line.split(b' ')
        if w[0] == b'signature':
            n += 1
            _need(n < 5 and len(w) == 4 and w[1] == b'rsa-sha256' and _hex(w[2], 16), line)
            _need(b2a_base64(a2b_base64(w[3])) == w[3] + b'\n', line)
        else:
            _need(not n and not w[0].strip(_LOWER) and w[0] not in (b'otactl', b'project', b'version', b'layout', b'file'), line)
        line = next(lines)
    # No name twice, none a folder of another, ignoring case. Memory does not grow with the manifest: a table of bits says what
    # may be there, and then the file says whether it is. hash() would do, but has 8 bits on some ports.
    def bit(path):
        h = sha256(path).digest()
        return (h[0] << 8 | h[1]) % (8 * _BUFFER)

    buf[:] = bytes(_BUFFER)
    for path in _names(name):
        n = bit(path)
        if buf[n >> 3] >> (n & 7) & 1:
            found = 0
            for x in _names(name):
                found += x == path
            _need(found == 1, path)
        buf[n >> 3] |= 1 << (n & 7)
    for path in _names(name):
        while b'/' in path:
            path = path.rsplit(b'/', 1)[0]
            n = bit(path)
            _need(not buf[n >> 3] >> (n & 7) & 1 or path not in _names(name), path)
    return folder


def _split(url):
    scheme, rest = url.split('://', 1)
    host = rest.split('/', 1)[0]
    return scheme.lower(), host, rest[len(host) :] or '/'


def _tls(sock, host, ca):
    try:
        import tls
    except ImportError:
        import ssl as tls
    if not hasattr(tls, 'SSLContext'):
        _need(not ca, 'ca: not supported')
        return tls.wrap_socket(sock, server_hostname=host)
    c = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    c.verify_mode = tls.CERT_REQUIRED if ca else tls.CERT_NONE
    if ca:
        if isinstance(ca, str):  # the name of a file, which a release can replace
            with open(ca, 'rb') as f:
                ca = f.read()
        c.load_verify_locations(ca)
    return c.wrap_socket(sock, server_hostname=host)


def _words(name):
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
            return str(w[3], 'utf-8'), int(w[2]), w[1], line


class _Client:
    def __init__(
        self, ota, host, project, user=None, passwd=None, timeout=5, key=None, ca=None, progress=None, ready=None, max_seconds=None, auth=None
    ):
        # The place of the signature check: a key is refused before anything is asked for, never ignored.
        _need(not key, 'key: not supported')
        self.ota = ota
        self.stat = ota._is
        self.project = project.encode()
        self.base = host.rstrip('/') + '/' + project
        self.auth = auth or generate_auth(ota, user, passwd)
        self.ca = ca
        self.timeout = timeout
        self.tick = progress or ticks_ms  # which does nothing
        self.ready = ready
        self.end = max_seconds and ticks_add(ticks_ms(), max_seconds * 1000)
        self.buf = memoryview(bytearray(_BUFFER))
        self.line = memoryview(bytearray(_LINE))
        self.raw = self.sock = self.at = None
        self.moved = False  # something came to flash that the next attempt need not fetch

    # HTTP/1.1: one connection as long as the server keeps it, into one buffer.

    def close(self):
        self.at = None
        for s in (self.sock, self.raw):
            if s:
                s.close()
        self.raw = self.sock = None

    def connect(self, at):
        import select
        import socket

        self.close()
        scheme, host = at
        _need(scheme in ('http', 'https'), scheme)
        host, port = (host + (':443' if scheme == 'https' else ':80')).split(':')[:2]
        a = socket.getaddrinfo(host, int(port), 0, socket.SOCK_STREAM)[0]
        self.raw = self.sock = socket.socket(a[0], socket.SOCK_STREAM)
        self.raw.settimeout(self.timeout)
        self.raw.connect(a[-1])
        if scheme == 'https':
            self.sock = _tls(self.raw, host, self.ca)
        # From here on reads return what is there: a server that sends a byte now and then cannot hold one for long.
        self.sock.setblocking(False)
        self.poll = select.poll()
        self.poll.register(self.raw, select.POLLIN)
        self.at = at

    def readinto(self, buf):
        # Reads at least a byte.
        while True:
            left = ticks_diff(self.until, ticks_ms())
            if self.end is not None:
                left = min(left, ticks_diff(self.end, ticks_ms()))
            if left <= 0:
                raise OSError('slow')
            n = self.sock.readinto(buf)
            if n:
                return n
            # Only after a read found nothing: TLS may hold bytes that the socket no longer has.
            if n is not None or not self.poll.poll(min(left, int(self.timeout * 1000))):
                raise OSError('connection')
            self.tick()

    def readline(self):
        n = 0
        while n < _LINE:
            self.readinto(self.line[n : n + 1])
            if self.line[n] == 10:
                return bytes(self.line[:n]).strip()
            n += 1
        raise OSError('header')

    def send(self, url, start):
        scheme, host, path = _split(url)
        at = (scheme, host)
        text = 'GET %s HTTP/1.1\r\nHost: %s\r\n' % (path, host)
        if self.auth and at == _split(self.base)[:2]:  # a redirect to another host does not get the password
            text += 'Authorization: Basic %s\r\n' % self.auth
        if start:
            text += 'Range: bytes=%d-\r\n' % start
        text = (text + '\r\n').encode()
        while True:
            kept = self.at == at and self.keep and not self.left and not self.chunked
            try:
                if not kept:
                    self.connect(at)
                if self.sock.write(text) != len(text):
                    raise OSError('send')
                return self.status()
            except OSError:
                self.close()
                if not kept:  # else the server closed a connection that it had kept
                    raise

    def status(self):
        w = self.readline().split()
        _need(w[0][:7] == b'HTTP/1.', w)
        self.keep = w[0] != b'HTTP/1.0'
        self.left = self.location = None
        self.chunked = 0
        for _ in range(_HEADERS):
            h = self.readline()
            if not h:
                return int(w[1])
            h = h.split(b':', 1)
            key = h[0].lower()
            value = h[-1].strip()
            if key == b'content-length':
                _need(_number(value), h)
                self.left = int(value)
            elif key == b'transfer-encoding':
                self.chunked = 1
            elif key == b'connection':
                self.keep = self.keep and value.lower() != b'close'
            elif key == b'location':
                self.location = str(value, 'utf-8')
        raise OSError('header')

    def get(self, path, start=0, size=0):
        # The status of the answer; read gives its body.
        self.until = ticks_add(ticks_ms(), min(60 + size // 500, 400000) * 1000)
        url = self.base + path
        for _ in range(4):
            status = self.send(url, start)
            to = self.location
            if status // 100 != 3 or not to:
                if self.chunked:
                    self.left = 0
                # Of a body that ends with the connection nobody knows whether it is whole.
                _need(status > 206 or self.left is not None, (path, 'length'))
                return status
            scheme, host, _ = _split(url)
            if to[:2] == '//':
                to = scheme + ':' + to
            elif to[0] == '/':
                to = scheme + '://' + host + to
            elif to.find('://') < 0:
                to = url.rsplit('/', 1)[0] + '/' + to
            _need(not self.ca or to[:6].lower() == 'https:', to)
            url = to
        raise OSError('location')

    def read(self):
        # Bytes of the body, in the buffer; 0 at its end. One that is shorter than announced is an OSError.
        if self.chunked and not self.left:
            if self.chunked > 1:
                self.readline()
            self.chunked = 2
            self.left = int(self.readline().split(b';')[0], 16)
            _need(self.left >= 0, 'length')
            if not self.left:
                while self.readline():
                    pass
                self.chunked = 0
        if not self.left:
            return 0
        n = self.readinto(self.buf[: self.left])
        self.left -= n
        self.tick()
        return n

    # What to do.

    def version(self):
        status = self.get('/version')
        _need(status == 200, ('version', status))
        text = b''
        n = 1
        while n and len(text) <= 1024:
            n = self.read()
            text += bytes(self.buf[:n])
        text = text.strip()
        # A page of a captive portal, a byte-order mark, two lines: all of them have a character that is not allowed.
        _need(not n and text and len(text) <= 64 and not text.strip(_WORD + b'._+') and text[0] != 46, text[:64])
        self.v = str(text, 'utf-8')

    def wants(self):
        # Whether an update to this version would be tried now, the same for a poll and for the update that follows it.
        stat = self.stat
        v = self.v.encode()
        if _words('version') == [v] or v in _words('.ota/bad') or stat('.ota/go') or stat('.ota/back') or self.ota._trial and stat('.ota/try'):
            return False
        self.failed = -1  # it was not tried
        w = _words('.ota/f')
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
            f.write('%s %d %s' % (self.v, failed, word))

    def fits(self, need):
        st = os.statvfs('.')
        if need + 4 > st[3]:
            raise OSError(28)  # ENOSPC, while everything is as it was
        self.block = st[1]
        return st[3] - need - 4

    def blocks(self, path):
        st = self.stat(path)
        return -(-st[6] // self.block) if st else 0

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

    def op(self, path):
        # Replace or add; an error if something of the user is in the way, like a folder that is not empty. Folders are made now: after the commit there are
        # only renames, which a full flash allows.
        st = self.stat(path)
        if st and st[0] & _DIR:
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
                with open('.ota/q') as q:
                    for line in q:
                        if line[0] == 'd' and line.split()[2] == folder:
                            break  # a file that goes before this one comes
                    else:
                        raise ValueError(folder)
                break
            i = path.find('/', i + 1)
        return 'r' if st else 'a'

    def plan(self, names):
        # Writes the plan, .ota/q, and the next .ota/i: one pass over both sorted lists for what goes, one for what comes.
        open('.ota/i', 'ab').close()
        missing = set(names or ())
        need = 0
        k = _I
        with open('.ota/q', 'w') as q, open('.ota/m', 'rb') as m, open('.ota/i', 'rb') as i:
            new = _next(m)
            old = _next(i)
            while old[0] != '~':
                while new[0] < old[0]:
                    new = _next(m)
                # Only what this client installed, and only if it still is what was installed.
                if new[0] != old[0] and old[0] not in missing and self.same(*old[:3]):
                    k += 1
                    q.write('d %d %s\n' % (k, old[0]))
                old = _next(i)
        k = 0
        with open('.ota/q', 'a') as q, open('.ota/m', 'rb') as m, open('.ota/i', 'rb') as i, open('.ota/n501', 'wb') as n:
            old = _next(i)
            while True:
                path, size, sha, line = _next(m)
                if path == '~':
                    break
                k += 1
                while old[0] < path:
                    old = _next(i)
                part = '.ota/n%d' % k
                ours = old[0] == path
                if names is not None and path not in names:
                    line = old[3]
                elif self.same(path, size, sha):
                    self.ota._rm(part)
                else:
                    need += size // self.block + 1 - self.blocks(part)
                    q.write('%s %d %s\n' % (self.op(path), k, path))
                    ours = True
                if ours:
                    n.write(line)
                missing.discard(path)
        _need(not missing, missing)
        self.fits(need)

    def body(self, name, size, have, h):
        # Adds the body to a file and returns the size of the file, at most `size`.
        with open(name, 'ab' if have else 'wb') as f:
            n = 1
            while n:
                n = self.read()
                have += n
                _need(have <= size, 'length')
                data = self.buf[:n]
                h.update(data)
                f.write(data)
                if have // _FLUSH != (have - n) // _FLUSH:
                    f.flush()
        return have

    def progress(self):
        # At once, for a power cut: the failures so far do not hold up an update that gets on.
        if not self.moved:
            self.moved = True
            self.note(0)

    def stage(self, k, path, size, sha):
        # Gets a file to n<k>, going on where an earlier attempt ended. It is hashed again here: so all that is committed was
        # verified by the run that commits it.
        name = '.ota/n%d' % k
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
                    _need(status == 206 and have, (path, status))
                _need(self.chunked or self.left == size - start, (path, self.left))
                try:
                    if self.body(name, size, start, h) < size:  # chunked: else it is as long as announced
                        raise OSError('length')
                except OSError:
                    if start < have or self.blocks(name) < 1 or self.stat(name)[6] <= have:
                        raise
                    self.progress()
                    continue
            if self.stat(name)[6] == size and hexlify(h.digest()) == sha:
                if have < size:
                    self.progress()
                return
            os.remove(name)
            _need(have, (path, 'hash'))  # else part of another release was there: once more
        raise OSError('connection')

    def check(self, k, path):
        # boot.py is the one file that no revert can save: without it nobody calls this client.
        if path == 'boot.py':
            try:
                with open('.ota/n%d' % k) as f:
                    compile(f.read(), path, 'exec')
            except (NameError, MemoryError):  # not every port has compile
                pass

    def listed(self, base):
        k = 0
        with open('.ota/m', 'rb') as m, open('.ota/q') as q:
            for line in q:
                op, number, path = line.split()
                if op == 'd':
                    continue
                while k < int(number):
                    new = _next(m)
                    k += 1
                self.stage(k, base + path, new[1], new[2])
                self.check(k, path)

    def hand_made(self, base, names):
        # A server without manifests: the length is all that can be checked.
        _need(names, 'filenames')
        _sweep('n')
        open('.ota/q', 'w').close()
        k = 0
        for path in names:
            k += 1
            _need(is_name(path.encode()), path)
            status = self.get(base + path, 0, 1 << 20)
            _need(status == 200 and not self.chunked, (path, status))
            self.fits(self.left // self.block)
            self.body('.ota/n%d' % k, self.left, 0, sha256())
            self.check(k, path)
            line = '%s %d %s\n' % (self.op(path), k, path)
            with open('.ota/q', 'a') as q:
                q.write(line)

    def commit(self, manifest):
        fat = self.stat('.OTA')  # ignores case, so it has no atomic rename
        trial = self.ota._trial and not fat
        free = self.fits(self.blocks('boot.py') if trial else 0)
        with open('.ota/n0', 'w') as f:
            f.write(self.v)
        h = sha256()
        # FAT writes the journal in place, and its last line says that it is whole.
        with open('.ota/go' if fat else '.ota/t', 'wb') as j:

            def put(op, k, path):
                nonlocal free
                if trial and op in 'rd':
                    n = self.blocks(path) if path != 'boot.py' else 0
                    if n > free:
                        _need(op == 'r', 'space')
                        op = 'm'
                    else:
                        free -= n
                        with open('.ota/b%s' % k, 'wb') as b:
                            self.pump(path, b.write)
                line = ('%s %s %s\n' % (op, k, path)).encode()
                h.update(line)
                j.write(line)

            put('1', 'copy' if fat else 'trial' if trial else 'plain', self.v)
            with open('.ota/q') as q:
                for line in q:
                    put(*line.split())
            if manifest:
                put('r', _I, '.ota/i')
            put('r' if self.stat('version') else 'a', 0, 'version')
            j.write(b'end 0 ' + hexlify(h.digest()) + b'\n')
        if not fat:
            os.rename('.ota/t', '.ota/go')  # the commit: before it nothing has changed, after it there are only renames
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
        base = '/' + self.v
        status = self.get(base + '.manifest')
        manifest = status == 200
        if manifest:
            self.body('.ota/m', _MANIFEST, 0, sha256())
            sep = '/' if check_manifest('.ota/m', self.buf, self.project, self.v.encode()) else '_'
            self.plan(names)
            self.listed(base + sep)
        else:
            # Object stores answer 403 for what is not there. One stale answer must not end the checks of a fleet.
            _need(status in (403, 404) and not self.stat('.ota/i'), ('manifest', status))
            self.hand_made(base + sep, names)
        if self.ready and not self.ready():
            self.note(0)
            return False
        self.commit(manifest)
        return True


# What micropython_ota offers.


def generate_auth(ota, user=None, passwd=None):
    if not user and not passwd:
        return
    _need(user and passwd, 'user and passwd')
    return str(b2a_base64(('%s:%s' % (user, passwd)).encode()), 'utf-8').strip()


def _poll(*a, **k):
    c = _Client(*a, **k)
    try:
        c.version()
        return c
    finally:
        c.close()


def check_version(ota, host, project, auth=None, timeout=5):
    v = str(b' '.join(_words('version')), 'utf-8')
    try:
        c = _poll(ota, host, project, timeout=timeout, auth=auth)
        return c.v != v, c.v
    except Exception as e:
        print('ota:', repr(e))
        return False, v


def forget(ota):
    ota._rm('.ota/bad')
    ota._rm('.ota/f')


def update(ota, host, project, filenames=None, use_version_prefix=True, user=None, passwd=None, timeout=5, **k):
    # Also key, ca, progress, ready, max_seconds.
    c = _Client(ota, host, project, user, passwd, timeout, **k)
    try:
        c.version()
        if not c.wants():
            return False
        print('ota: found', c.v)
        return c.update(filenames, '_' if use_version_prefix else '/')
    finally:
        c.close()


def _reset(soft):
    import machine

    (machine.soft_reset if soft else machine.reset)()


def ota_update(
    ota,
    host,
    project,
    filenames=None,
    use_version_prefix=True,
    user=None,
    passwd=None,
    hard_reset_device=True,
    soft_reset_device=False,
    timeout=5,
    reset_device=True,  # what v1 called hard_reset_device
    **k
):
    if ota._finish() or update(ota, host, project, filenames, use_version_prefix, user, passwd, timeout, **k):
        ota._finish()
        if soft_reset_device or hard_reset_device and reset_device:
            _reset(soft_reset_device)


def check_for_ota_update(ota, host, project, user=None, passwd=None, timeout=5, soft_reset_device=False, **k):
    c = _poll(ota, host, project, user, passwd, timeout, **k)
    if c.wants():
        c.note(max(c.failed, 0), 'go')  # a flash on which nothing can be written must not reset for ever
        print('ota: found', c.v)
        _reset(soft_reset_device)

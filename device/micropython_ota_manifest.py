# Updates over the air for MicroPython, part of the network part of micropython_ota: what a manifest is.
# The format is docs/FORMAT.md of https://github.com/otactl/otactl.
import os
from binascii import a2b_base64, b2a_base64
from hashlib import sha256

from micropython import const

MANIFEST = const(65536)  # bytes
_FILES = const(500)

_LOWER = b'abcdefghijklmnopqrstuvwxyz'
WORD = _LOWER + _LOWER.upper() + b'0123456789-'


def need(ok, e):
    if not ok:
        raise ValueError(e)


# The grammar. strip stands for character classes, and what was parsed is compared as text: int() and the like accept more
# than one spelling.


def number(s):
    return s.isdigit() and (s == b'0' or s[0] != 48) and int(s) >> 64 == 0


def is_tag(s):
    if len(s) > 64 or s.strip(WORD + b'.') or s.lower().endswith(b'.manifest'):
        return False
    s = (s[1:] if s[:1] == b'v' else s).split(b'-', 1)
    core = s[0].split(b'.')
    if len(core) != 3:
        return False
    for x in core:
        if not number(x):
            return False
    for x in s[1].split(b'.') if len(s) > 1 else ():
        if not x or x.isdigit() and not number(x):
            return False
    return True


def is_project(s):
    return 0 < len(s) <= 64 and not s.strip(WORD + b'._') and s[0] not in b'._-'


def is_name(s):
    if len(s) > 128 or s.strip(WORD + b'._/'):
        return False
    w = s.lower().split(b'/')
    for x in w:
        if not x or x[0] == 46 or x[-1] == 46:
            return False
    x = w[w[0] == b'lib' and len(w) > 1]
    return w[0] not in (b'version', b'tmp') and (x[:15] != b'micropython_ota' or x[15:] not in (b'', b'.py', b'.mpy'))


def _hex(s, n):
    return len(s) == n and not s.strip(b'0123456789abcdef')


def _lines(name):
    printable = bytes(range(32, 127))
    with open(name, 'rb') as f:
        while True:
            line = f.readline()
            if not line:
                break
            need(line[-1] == 10 and 1 < len(line) < 902, 'manifest')
            line = line[:-1]
            if line[:5] != b'file ':  # whose words are checked one by one
                need(not line.strip(printable) and line == b' '.join(line.split()), line)
            yield line
    while True:
        yield b''


def _names(name):
    with open(name, 'rb') as f:
        for line in f:
            if line[:5] == b'file ':
                yield line.split()[3].lower()


def check_manifest(name, buf, project, version):
    # Whether the file is the manifest of this release; ValueError if not. True if its files lie in a
    # folder. buf is bytes to work in, a power of two or 3 times one.
    need(os.stat(name)[6] <= MANIFEST, name)
    lines = _lines(name)
    need(next(lines) == b'otactl 1', 'manifest')
    need(next(lines) == b'project ' + project and is_project(project), project)
    need(next(lines) == b'version ' + version and is_tag(version), version)
    line = next(lines)
    folder = line == b'layout directory'
    if folder:
        line = next(lines)
    last = b''
    n = 0
    while line[:5] == b'file ':
        w = line.split(b' ')
        need(len(w) == 4 and _hex(w[1], 64) and number(w[2]) and len(w[2]) < 10 and is_name(w[3]), line)
        n += 1
        need(w[3] > last and n <= _FILES, line)
        last = w[3]
        line = next(lines)
    need(n, line)
    n = 0
    while line:
        w = line.split(b' ')
        if w[0] == b'signature':
            n += 1
            need(n < 5 and len(w) == 4 and w[1] == b'rsa-sha256' and _hex(w[2], 16), line)
            need(b2a_base64(a2b_base64(w[3])) == w[3] + b'\n', line)
        else:
            need(not n and not w[0].strip(_LOWER) and w[0] not in b'otactl project version layout file'.split(), line)
        line = next(lines)
    # No name twice, none a folder of another, ignoring case. Memory does not grow with the manifest: a table of bits says what
    # may be there, and then the file says whether it is. hash() would do, but has 8 bits on some ports.
    def bit(path):
        h = sha256(path).digest()
        return (h[0] << 8 | h[1]) % (8 * len(buf))

    buf[:] = bytes(len(buf))
    for path in _names(name):
        n = bit(path)
        if buf[n >> 3] >> (n & 7) & 1:
            found = 0
            for x in _names(name):
                found += x == path
            need(found == 1, path)
        buf[n >> 3] |= 1 << (n & 7)
    for path in _names(name):
        while b'/' in path:
            path = path.rsplit(b'/', 1)[0]
            n = bit(path)
            need(not buf[n >> 3] >> (n & 7) & 1 or path not in _names(name), path)
    return folder

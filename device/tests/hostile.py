# A device with a key in the hands of a server that does what it likes.
#
#   micropython hostile.py URL FIRST COUNT STARTS      from a folder with factory/, a device as it is delivered
#
# For each strategy from FIRST on, the device asks a server at URL/<strategy>, and starts so many times. Every 5 strategies it is
# a new one; else it keeps what it has. Prints after each start "#at <strategy> <digest> <how it ended>", where the digest is of
# all that is on the flash, but for .ota/ and conf.py.
import os
import sys

import board

EVERY = 5


def tree(folder):
    for e in sorted(os.ilistdir(folder or '.')):
        path = folder + e[0]
        if e[1] == 0x4000:
            if path != '.ota':
                yield from tree(path + '/')
        elif path != 'conf.py':
            yield path


def digest():
    from binascii import hexlify
    from hashlib import sha256

    h = sha256()
    for path in sorted(tree('')):
        size = 0
        h.update(b'%s\n' % path.encode())
        with open(path, 'rb') as f:
            data = True
            while data:
                data = f.read(512)
                h.update(data)
                size += len(data)
        h.update(b'%d\n' % size)
    return str(hexlify(h.digest()[:8]), 'utf-8')


def remove(folder):
    for e in list(os.ilistdir(folder)):
        path = folder + '/' + e[0]
        if e[1] == 0x4000:
            remove(path)
            os.rmdir(path)
        else:
            os.remove(path)


def copy(source, target):
    for e in list(os.ilistdir(source)):
        a = source + '/' + e[0]
        b = target + '/' + e[0]
        if e[1] == 0x4000:
            os.mkdir(b)
            copy(a, b)
        else:
            with open(a, 'rb') as f, open(b, 'wb') as g:
                data = True
                while data:
                    data = f.read(512)
                    g.write(data)


# How a device may have its keys, and what it asks for.
def conf(url, k, keys):
    key = (repr(' '.join(keys)), repr(keys), "'keys.txt'")[k % 3]
    files = ('None', "['boot.py', 'main.py', 'lib/util.py']")[k // 3 % 2]
    with open('conf.py', 'w') as f:
        f.write("host = '%s/%d'\nkey = %s\nfiles = %s\ntrial = %d\n" % (url, k, key, files, k // EVERY % 2))


def run(url, first, count, starts):
    os.chdir('flash')
    sys.modules['machine'] = board.Machine
    sys.modules['os'] = board.Instead(os, urandom=bytes)  # no back-off holds it back
    sys.path[:] = ['', '.frozen', 'lib']
    keep = list(sys.modules)
    for k in range(first, first + count):
        if (k - first) % EVERY == 0:
            remove('.')
            copy('../factory', '.')
            with open('keys.txt') as f:
                keys = f.read().split()
        conf(url, k, keys)
        for _ in range(starts):
            end = board.start(keep)
            print('#at', k, digest(), end)


run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

# Updates over the air for MicroPython, for devices with a key: who signed a manifest.
# The format is docs/FORMAT.md of https://github.com/otactl/otactl. Loaded only if a key is given.
import gc
from binascii import a2b_base64
from hashlib import sha256

_SHA256 = b'\x000\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20'  # RFC 8017 section 9.2, the separator before it


def _times(a, b, n, size):
    # a * b % n. Taken at once, a product has twice the size, and a small heap has no room for several of these in one piece.
    b = b.to_bytes(size, 'big')
    r = 0
    for i in range(0, size, 32):
        c = b[i : i + 32]
        r = ((r << 8 * len(c)) + a * int.from_bytes(c, 'big')) % n
    return r


def check_signature(name, keys):
    # Whether one of the keys signed the manifest; ValueError if not. A key is the modulus of an RSA key in base64, of 2048 to
    # 4096 bits; keys are words of a text, or of a file of that name, which a signed release can replace.
    gc.collect()  # what stays shall lie in the gaps, while numbers come and go
    try:
        with open(keys, 'rb') as f:
            keys = f.read().split()
    except OSError:
        keys = keys.encode().split()
    h = sha256()
    with open(name, 'rb') as f:
        line = f.readline()
        while line and line[:10] != b'signature ':
            h.update(line)
            line = f.readline()
        h = _SHA256 + h.digest()
        while line:
            x = a2b_base64(line.split()[3])
            size = len(x)
            x = int.from_bytes(x, 'big')
            line = None  # room
            for n in keys:
                n = a2b_base64(n)
                if len(n) != size or not 256 <= size <= 512:
                    continue
                n = int.from_bytes(n, 'big')
                if x >= n or not n >> 2047:
                    continue
                s = x
                for _ in range(16):
                    s = _times(s, s, n, size)
                # The whole encoding is compared, 00 01 ff ... ff and h: who looks for the hash in it can be given a forged one.
                if _times(s, x, n, size) == (2 << 8 * (size - 2)) - (1 << 8 * len(h)) + int.from_bytes(h, 'big'):
                    return
            line = f.readline()
    raise ValueError('signature: none of the keys')

# Updates over the air for MicroPython, for devices with a key: who signed a manifest.
# The format is docs/FORMAT.md of https://github.com/otactl/otactl. Loaded only if a key is given.
from binascii import a2b_base64
from hashlib import sha256

_SHA256 = b'\x000\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20'  # RFC 8017 section 9.2, the separator before it


def check_signature(name, keys):
    # Whether one of the keys signed the manifest; ValueError if not. A key is the modulus of an RSA key in base64, of 2048 to
    # 4096 bits; keys are words of a text, or of a file of that name, which a signed release can replace.
    try:
        with open(keys) as f:
            keys = f.read()
    except OSError:
        pass
    h = sha256()
    with open(name, 'rb') as f:
        line = f.readline()
        while line and line[:10] != b'signature ':
            h.update(line)
            line = f.readline()
        h = _SHA256 + h.digest()
        while line:
            signature = a2b_base64(line.split()[3])
            for n in keys.encode().split():
                n = a2b_base64(n)
                size = len(n)
                want = b'\0\1' + b'\xff' * (size - 2 - len(h)) + h
                n = int.from_bytes(n, 'big')
                s = x = int.from_bytes(signature, 'big')
                if size == len(signature) and 256 <= size <= 512 and x < n and n >> 2047:
                    for _ in range(16):
                        s = s * s % n
                    # The whole encoding is compared: who looks for the hash in it can be given a forged one.
                    if s * x % n == int.from_bytes(want, 'big'):
                        return
            line = f.readline()
    raise ValueError('signature: none of the keys')

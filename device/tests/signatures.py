# What the client says of signed manifests, and what that takes.
#
#   micropython signatures.py               the verdicts on what the file "list" of the current folder names; a line of it is
#                                           "<file> <file with keys> <project> <tag> <variant> <start> <stop> <step>"
#   micropython signatures.py time FILE KEYS   how long one verification takes, in us, the best of ten
#
# Prints "<file> <verdicts>": 1 accepted, 0 refused, E for an exception that is no ValueError. A variant is "all", the file as it
# is; "bit", in which the bits from start to stop in steps are flipped, one at a time; or "cut", in which it ends there.
import sys
import time

sys.path.insert(0, '')

def content(name):
    with open(name, 'rb') as f:
        return f.read()


def verdict(name, keys, project, tag):
    from micropython_ota_key import check_signature
    from micropython_ota_manifest import check_manifest

    try:
        check_manifest(name, BUF, project, tag)
        check_signature(name, keys)
    except Exception as e:
        if isinstance(e, ValueError) or str(e) == 'Incorrect padding':  # so a binascii written in Python
            return '0'
        return 'E'
    return '1'


def variants(data, variant, start, stop, step):
    for i in range(int(start), int(stop), int(step)):
        if variant == 'bit':
            data[i >> 3] ^= 1 << (i & 7)
            yield data
            data[i >> 3] ^= 1 << (i & 7)
        else:
            yield memoryview(data)[:i]


def verdicts(name, keys, project, tag, variant, *span):
    project = project.encode()
    tag = tag.encode()
    keys = content(keys).decode()
    if variant == 'all':
        return verdict(name, keys, project, tag)
    out = ''
    for data in variants(bytearray(content(name)), variant, *span):
        with open('variant', 'wb') as f:
            f.write(data)
        out += verdict('variant', keys, project, tag)
    return out


def best(name, keys):
    from micropython_ota_key import check_signature

    least = 1 << 29
    for _ in range(10):
        start = time.ticks_us()
        check_signature(name, keys)
        least = min(least, time.ticks_diff(time.ticks_us(), start))
    return least


if len(sys.argv) < 2:
    BUF = bytearray(1536)
    with open('list') as f:
        for line in f:
            words = line.split()
            print(words[0], verdicts(*words))
else:
    print(best(sys.argv[2], sys.argv[3]))

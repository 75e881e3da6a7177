# The verdicts of the client on inputs that lie in the current folder: a line "<name of the file> <True or False>" for each
# line "<name of the file> <kind>" of the file "list".
#
#   micropython vectors.py        from a folder with micropython_ota_net
import sys

sys.path.insert(0, '')

try:
    import micropython_ota_manifest as net
except ImportError:  # compiled, it is part of the network part
    import micropython_ota_net as net


def content(name):
    with open(name, 'rb') as f:
        return f.read(200)  # no tag and no project is longer


def manifest(name):
    with open(name, 'rb') as f:
        f.readline(200)
        project, version = [f.readline(200)[8:].rstrip(b'\n') for _ in range(2)]  # the release that it says it is
    try:
        net.check_manifest(name, bytearray(1536), project, version)
    except Exception as e:
        if not isinstance(e, ValueError) and str(e) != 'Incorrect padding':  # so a binascii written in Python
            raise
        return False
    return True


verdicts = {
    'tag': lambda name: net.is_tag(content(name)),
    'project': lambda name: net.is_project(content(name)),
    'manifest': manifest,
}

with open('list') as f:
    for line in f:
        name, kind = line.split()
        print(name, bool(verdicts[kind](name)))

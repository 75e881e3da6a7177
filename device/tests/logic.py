# A life of a board without a network and without a flash, for builds of MicroPython that have neither: updates, a connection
# that is cut, noise, trials that end well and badly. The current folder holds flash/, and server/ with the releases v1.0.0 to
# v1.0.4. Prints what tests/board.py does, and after each part "#part <name> <digest> <starts that ended in a reset>".
import os
import sys

import board

HERE = os.getcwd()


class Server:
    live = ''
    cut = 0  # the next answer with a file ends after so many bytes
    noise = False  # files come with other bytes
    ranges = 0
    requests = 0


def answer(request):
    # The answer to a request, and whether the connection stays.
    Server.requests += 1
    lines = request.split('\r\n')
    path = lines[0].split(' ')[1]
    if path.endswith('/version'):
        body = Server.live.encode() + b'\n'
    else:
        try:
            with open(HERE + '/server' + path, 'rb') as f:
                body = f.read()
        except OSError:
            return b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', True
    status = '200 OK'
    is_file = path.find('_') > 0
    if Server.noise and is_file:
        body = bytes(len(body))
    for line in lines:
        if line.lower().startswith('range: bytes='):
            Server.ranges += 1
            start = int(line[13:].split('-')[0])
            status = '206 Partial Content\r\nContent-Range: bytes %d-%d/%d' % (start, len(body) - 1, len(body))
            body = body[start:]
    head = ('HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n' % (status, len(body))).encode()
    if Server.cut and is_file and len(body) > Server.cut:
        body, Server.cut = body[: Server.cut], 0
        return head + body, False
    return head + body, True


class Socket:
    def __init__(self, *a):
        self.out = b''
        self.open = True
        self.wait = True

    def settimeout(self, seconds):
        pass

    def setblocking(self, on):
        pass

    def connect(self, address):
        pass

    def close(self):
        self.open = False

    def write(self, data):
        more, self.open = answer(bytes(data).decode())
        self.out += more
        return len(data)

    def readinto(self, buf, n=None):
        # Every other read finds nothing, and one that finds something gets at most 700 bytes.
        self.wait = not self.wait
        if self.wait and (self.out or self.open):
            return None
        n = min(len(buf), len(self.out), 700)
        buf[:n] = self.out[:n]
        self.out = self.out[n:]
        return n


class SocketModule:
    SOCK_STREAM = 1
    socket = Socket

    def getaddrinfo(host, port, *a):
        return [(2, 1, 0, '', (host, port))]


class Poll:
    def register(self, *a):
        pass

    def poll(self, ms):
        return [1]


class SelectModule:
    POLLIN = 1
    poll = Poll


def part(name, live, starts, trial='plain'):
    Server.live = live
    with open('conf.py', 'w') as f:
        f.write("host = 'http://server'\nfiles = user = passwd = ca = None\ntimeout = 5\ntrial = '%s'\n" % trial)
    ends = [board.start(keep) for _ in range(starts)]
    print('#part', name, board.digest(), ends.count('reset'))


os.chdir('flash')
sys.modules['machine'] = board.Machine
sys.modules['socket'] = SocketModule
sys.modules['select'] = SelectModule
sys.modules['os'] = board.Instead(os, urandom=bytes)
sys.path[:] = ['', '.frozen', 'lib']
keep = list(sys.modules)

part('install', 'v1.0.0', 3)
Server.cut = 1000
part('update', 'v1.0.1', 3)
Server.noise = True
part('noise', 'v1.0.2', 3)
Server.noise = False
part('unconfirmed', 'v1.0.3', 9, 'bad')
part('rejected', 'v1.0.3', 3, 'trial')
part('confirmed', 'v1.0.4', 9, 'trial')
part('back', 'v1.0.0', 4)
print('#ranges', Server.ranges, Server.requests)

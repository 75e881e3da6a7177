# A web server and the way to it, in memory: what the client finds when it imports socket and select.


class Net:
    # files: path to bytes. up: whether connections are accepted. fault: None, or a function (path, response) that returns
    # the response that is sent instead, or None for a connection that ends without one.

    SOCK_STREAM = 1
    POLLIN = 1

    def __init__(self):
        self.files = {}
        self.up = True
        self.fault = None
        self.requests = 0

    def getaddrinfo(self, host, port, *_):
        if not self.up:
            raise OSError(-2)
        return [(2, 1, 0, '', (host, port))]

    def socket(self, *_):
        return Socket(self)

    def poll(self):
        return Poll()

    def answer(self, request):
        # Returns the whole response, headers included.
        self.requests += 1
        lines = request.split(b'\r\n')
        path = lines[0].split(b' ')[1].decode()
        response = self._found(path, lines)
        return self.fault(path, response) if self.fault else response

    def _found(self, path, lines):
        body = self.files.get(path)
        if body is None:
            return respond(b'404 Not Found', b'not here')
        for line in lines:
            if line.lower().startswith(b'range: bytes='):
                first = int(line[13:].split(b'-')[0])
                if first >= len(body):
                    return respond(b'416 Range Not Satisfiable', b'')
                place = b'Content-Range: bytes %d-%d/%d\r\n' % (first, len(body) - 1, len(body))
                return respond(b'206 Partial Content', body[first:], place)
        return respond(b'200 OK', body)


def respond(status, body, headers=b''):
    return b'HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s' % (status, len(body), headers, body)


class Poll:
    # Nothing ever arrives later: what a server says is there when it was asked.
    def register(self, *_):
        pass

    def poll(self, *_):
        return []


class Socket:
    def __init__(self, net):
        self._blocks = True
        self._net = net
        self._request = b''
        self._out = b''
        self._ended = False

    def connect(self, _):
        if not self._net.up:
            raise OSError(111)

    def settimeout(self, _):
        pass

    def setblocking(self, blocks):
        self._blocks = blocks

    def setsockopt(self, *_):
        pass

    def close(self):
        self._ended = True
        self._out = b''

    def write(self, data):
        if self._ended:
            raise OSError(32)
        self._request += bytes(data)
        while b'\r\n\r\n' in self._request:
            i = self._request.find(b'\r\n\r\n')
            response = self._net.answer(self._request[:i])
            self._request = self._request[i + 4 :]
            if response is None:
                self._ended = True
                return len(data)
            self._out += response
        return len(data)

    send = sendall = write

    def read(self, n=-1):
        if not self._out and not self._ended:
            if self._blocks:
                raise OSError(110)
            return None
        if n < 0:
            n = len(self._out)
        data = self._out[:n]
        self._out = self._out[n:]
        return data

    recv = read

    def readinto(self, buf, n=None):
        data = self.read(len(buf) if n is None else n)
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    recv_into = readinto

    def readline(self, limit=None):
        i = self._out.find(b'\n') + 1
        if i == 0:
            i = len(self._out)
        return self.read(i if limit is None else min(i, limit))

    def makefile(self, *_):
        return self

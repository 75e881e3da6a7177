# Updates over the air for MicroPython, part of the network part of micropython_ota: HTTP/1.1, one connection as long as the
# server keeps it, into one buffer.
from binascii import b2a_base64
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const
from micropython_ota_manifest import WORD, need, number

_BUFFER = const(1536)
_LINE = const(512)  # of a header
_HEADERS = const(64)


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
        need(not ca, 'ca: not supported')
        return tls.wrap_socket(sock, server_hostname=host)
    c = tls.SSLContext(0)  # PROTOCOL_TLS_CLIENT
    c.verify_mode = 2 if ca else 0  # CERT_REQUIRED, CERT_NONE
    if ca:
        if isinstance(ca, str):  # the name of a file, which a release can replace
            with open(ca, 'rb') as f:
                ca = f.read()
        c.load_verify_locations(ca)
    return c.wrap_socket(sock, server_hostname=host)


def generate_auth(_, user=None, passwd=None):
    if user or passwd:
        need(user and passwd, 'user and passwd')
        return b2a_base64('%s:%s' % (user, passwd)).decode().strip()


class Http:
    def __init__(self, host, project, user=None, passwd=None, timeout=5, ca=None, progress=None, max_seconds=None, auth=None):
        self.project = project.encode()
        self.base = host.rstrip('/') + '/' + project
        self.auth = auth or generate_auth(None, user, passwd)
        self.timeout = timeout
        self.ca = ca
        self.tick = progress or ticks_ms  # which does nothing
        self.end = None if max_seconds is None else ticks_add(ticks_ms(), max_seconds * 1000)
        self.buf = memoryview(bytearray(_BUFFER))
        self.line = memoryview(bytearray(_LINE))
        self.raw = self.sock = self.at = None

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
        need(scheme in ('http', 'https'), scheme)
        host, port = (host + (':443' if scheme == 'https' else ':80')).split(':')[:2]
        a = socket.getaddrinfo(host, int(port), 0, 1)[0]  # SOCK_STREAM
        self.raw = self.sock = socket.socket(*a[:3])
        self.raw.settimeout(self.timeout)
        self.raw.connect(a[-1])
        if scheme == 'https':
            self.sock = _tls(self.raw, host, self.ca)
        # From here on reads return what is there: a server that sends a byte now and then cannot hold one for long.
        self.sock.setblocking(False)
        self.poll = select.poll()
        self.poll.register(self.raw, 1)  # POLLIN
        self.at = at

    def readinto(self, buf):
        # Reads at least a byte.
        while True:
            left = ticks_diff(self.until, ticks_ms())
            if self.end is not None:
                left = min(left, ticks_diff(self.end, ticks_ms()))
            if left <= 0:
                raise OSError('timeout')
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
        raise OSError('line')

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
        need(w[0][:7] == b'HTTP/1.', w)
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
                need(number(value), h)
                self.left = int(value)
            elif key == b'transfer-encoding':
                self.chunked = 1
            elif key == b'connection':
                self.keep = self.keep and value.lower() != b'close'
            elif key == b'location':
                self.location = value.decode()
        raise OSError('line')

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
                need(status > 206 or self.left is not None, (path, 'length'))
                return status
            scheme, host, _ = _split(url)
            if to[:2] == '//':
                to = scheme + ':' + to
            elif to[0] == '/':
                to = scheme + '://' + host + to
            elif to.find('://') < 0:
                to = url.rsplit('/', 1)[0] + '/' + to
            need(not self.ca or to[:5].lower() == 'https', to)
            url = to
        raise OSError('location')

    def read(self):
        # Bytes of the body, in the buffer; 0 at its end. One that is shorter than announced is an OSError.
        if self.chunked and not self.left:
            if self.chunked > 1:
                self.readline()
            self.chunked = 2
            self.left = int(self.readline().split(b';')[0], 16)
            need(self.left >= 0, 'length')
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

    def version(self):
        # What is live, as self.v.
        status = self.get('/version')
        need(status == 200, ('version', status))
        text = b''
        n = 1
        while n and len(text) <= 1024:
            n = self.read()
            text += bytes(self.buf[:n])
        text = text.strip()
        # A page of a captive portal, a byte-order mark, two lines: all of them have a character that is not allowed.
        need(not n and text and len(text) <= 64 and not text.strip(WORD + b'._+') and text[0] != 46, text[:64])
        self.v = text.decode()

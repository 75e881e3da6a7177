# What the power cuts are measured against: a client as the original is described (GET version; if it differs, GET each file
# of the list as a whole; files go to tmp/ first and are then put in place one by one; version last; reset). Not the
# original's code.
import os


def _get(url):
    import socket

    host, path = url.split('://')[1].split('/', 1)
    s = socket.socket()
    try:
        s.connect(socket.getaddrinfo(host, 80)[0][-1])
        s.write(('GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n' % (path, host)).encode())
        answer = s.read()
    finally:
        s.close()
    head, body = answer.split(b'\r\n\r\n', 1)
    if head.split()[1] != b'200':
        raise ValueError(head)
    return body


def _put(path, body):
    with open(path, 'wb') as f:
        f.write(body)


def ota_update(host, project, filenames):
    try:
        version = _get('%s/%s/version' % (host, project)).decode().strip()
        try:
            with open('version') as f:
                if f.readline().strip() == version:
                    return
        except OSError:
            pass
        if 'tmp' not in os.listdir():
            os.mkdir('tmp')
        for name in filenames:
            _put('tmp/' + name, _get('%s/%s/%s_%s' % (host, project, version, name)))
        for name in filenames:
            with open('tmp/' + name, 'rb') as f:
                _put(name, f.read())
            os.remove('tmp/' + name)
        os.rmdir('tmp')
        _put('version', version.encode())
    except (OSError, ValueError) as e:
        print(e)
        return
    import machine

    machine.reset()

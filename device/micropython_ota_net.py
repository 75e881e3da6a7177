# Updates over the air for MicroPython, the network part of micropython_ota (https://github.com/otactl/otactl): what it offers,
# and what it decides. These four files are compiled to one, micropython_ota_net.mpy:
#
#   micropython_ota_manifest.py    what a manifest is, and who signed it
#   micropython_ota_http.py        HTTP/1.1
#   micropython_ota_install.py     downloads a release and commits it
#   micropython_ota_net.py         this one
from micropython_ota_http import generate_auth
from micropython_ota_install import Client, words


def _poll(*a, **k):
    c = Client(*a, **k)
    try:
        c.version()
        return c
    finally:
        c.close()


def check_version(ota, host, project, auth=None, timeout=5):
    v = str(b' '.join(words('version')), 'utf-8')
    try:
        c = _poll(ota, host, project, timeout=timeout, auth=auth)
        return c.v != v, c.v
    except Exception as e:
        print('ota:', repr(e))
        return False, v


def forget(ota):
    ota._rm('.ota/bad')
    ota._rm('.ota/f')


def update(ota, host, project, filenames=None, use_version_prefix=True, user=None, passwd=None, timeout=5, **k):
    # Also key, ca, progress, ready, max_seconds.
    c = Client(ota, host, project, user, passwd, timeout, **k)
    try:
        c.version()
        if not c.wants():
            return False
        print('ota: found', c.v)
        return c.update(filenames, '_' if use_version_prefix else '/')
    finally:
        c.close()


def _reset(soft):
    import machine

    (machine.soft_reset if soft else machine.reset)()


def ota_update(
    ota,
    host,
    project,
    filenames=None,
    use_version_prefix=True,
    user=None,
    passwd=None,
    hard_reset_device=True,
    soft_reset_device=False,
    timeout=5,
    reset_device=True,  # what v1 called hard_reset_device
    **k
):
    if ota._finish() or update(ota, host, project, filenames, use_version_prefix, user, passwd, timeout, **k):
        ota._finish()
        if soft_reset_device or hard_reset_device and reset_device:
            _reset(soft_reset_device)


def check_for_ota_update(ota, host, project, user=None, passwd=None, timeout=5, soft_reset_device=False, **k):
    c = _poll(ota, host, project, user, passwd, timeout, **k)
    if c.wants():
        c.note(max(c.failed, 0), 'go')  # a flash on which nothing can be written must not reset for ever
        print('ota: found', c.v)
        _reset(soft_reset_device)

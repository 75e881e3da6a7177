# Updates over the air for MicroPython, the boot part (https://github.com/otactl/otactl, device/README.md).
#
# It takes the place of the original micropython_ota and has all of its functions. Importing it finishes what a power cut
# or a reset interrupted: renames only, no network. What needs the network is in micropython_ota_net, loaded when used.
#
# All paths are relative to the current folder, which is the root of the flash when boot.py runs. State lies in .ota/:
#
#   up    the journal: it is there, so the update is committed       f      version, failed attempts at it
#   try   the same file, renamed: the new version is on trial        c      one byte per boot of the trial
#   back  renamed again: being reverted                              i      what this client installed
#   bad   renamed again: its version was rejected                    m q t  manifest, plan, journal in the making
#   n<k>  new content of file k, partial until its hash is right     b<k>   old content of file k
#   b0    room for a revert on a full flash                          n_ b_  empty (micropython_ota_install.py says why)
#
# Journal: "1 <mode> <version>", then "<op> <k> <path>" (r replace, a add, d delete), at last "end 0 <SHA-256 of the lines
# before>". k has four digits and falls from line to line (micropython_ota_install.py says why). Modes: plain; trial;
# copy, which is plain for FAT, where renames are not atomic.
import os

__version__ = '3.0.0'
_trial = False  # boot() ran in this start, so what is installed now will be on trial


def _is(path):
    try:
        return os.stat(path)
    except OSError:
        return None


def _rm(path):
    st = _is(path)
    if st and st[0] & 0x4000 == 0:
        os.remove(path)


def _replay(name, ops, mode):
    # Applies the lines of a journal that have one of these ops; without a mode, reverts them. Each step is taken only if its
    # source is still there: a replay after any cut ends in the same place.
    with open('.ota/' + name) as f:
        f.readline()
        for line in f:
            op, k, path = line.split()
            new = ('.ota/n' if mode else '.ota/b') + k
            if op not in ops:
                continue
            if op == ('d' if mode else 'a'):
                _rm(path)
                while '/' in path:  # an empty folder x would hide x.py
                    path = path.rsplit('/', 1)[0]
                    try:
                        os.rmdir(path)
                    except OSError:  # not empty, or removed before a cut
                        pass
            elif _is(new):
                i = path.find('/')
                while i > 0:
                    if not _is(path[:i]):
                        os.mkdir(path[:i])
                    i = path.find('/', i + 1)
                if mode != b'copy':
                    os.rename(new, path)
                    continue
                with open(new, 'rb') as s:
                    with open(path, 'wb') as t:
                        while op:
                            op = s.read(128)
                            t.write(op)


def _finish():
    # Finishes an update that was committed and a revert that was begun. True if files were changed.
    mode = None
    try:
        # After a cut in a rename littlefs hides the entry after the one that was moved, until anything that may write completes it.
        os.remove('.ota/t0')
    except OSError:
        pass
    if _is('.ota/up'):
        from hashlib import sha256
        from binascii import hexlify

        h = sha256()
        with open('.ota/up', 'rb') as f:
            head = line = f.readline(200)
            while line and line[:3] != b'end':
                h.update(line)
                line = f.readline(200)
        # One that was not written to its end has no mode: a cut while FAT wrote it, nothing was changed yet.
        if line[6:-1] == hexlify(h.digest()):
            line, mode, head = head.split()
            if line != b'1':
                raise ValueError('.ota/up')  # a newer client's
        try:
            if mode:
                _replay('up', 'dra', mode)
            if mode == b'trial':
                _rm('.ota/c')  # before the trial starts: the boots of an older one do not count
                os.rename('.ota/up', '.ota/try')
            else:
                os.remove('.ota/up')
        except OSError:
            if mode != b'trial':
                raise  # stays for the next start
            os.rename('.ota/up', '.ota/back')
    if _is('.ota/back'):
        # What was added goes first: it frees space, and may lie where an old file comes back. On a full flash a rename may
        # need a block, which the application cannot have taken: .ota/b0 holds some.
        mode = True
        _rm('.ota/b0')
        _replay('back', 'a', None)
        _replay('back', 'dr', None)
        os.rename('.ota/back', '.ota/bad')  # at last: until then every start reverts again
    return mode


def boot(tries=5):
    # First in boot.py: from then on updates are on trial, and one that is not confirmed within so many boots is reverted.
    # Returns 'ok', 'trial', 'reverted' (once) or 'stuck' (a revert did not work; the next start tries again). Never raises.
    global _trial
    old = _trial
    _trial = True
    try:
        if _is('.ota/up') or _is('.ota/back'):
            return 'stuck'
        if not _is('.ota/try'):
            if _is('.ota/c'):  # left by a revert, whose start ended in a reset
                os.remove('.ota/c')
                return 'reverted'
            return 'ok'
        import machine

        if old or hasattr(machine, 'DEEPSLEEP_RESET') and machine.reset_cause() == machine.DEEPSLEEP_RESET:
            return 'trial'
        try:
            with open('.ota/c', 'ab') as f:
                f.write(b'.')
            if os.stat('.ota/c')[6] <= tries:
                return 'trial'
        except OSError:  # boots that cannot be counted must not go on for ever
            pass
        os.rename('.ota/try', '.ota/back')
        _finish()
        machine.reset()  # new boot.py on old modules must not run on
    except Exception as e:
        print('ota:', repr(e))
        return 'stuck'


def confirm():
    # The version on trial works. Without a trial it does nothing, so it may be called at every start.
    if _is('.ota/try'):
        _rm('.ota/c')  # first: without a trial it means that one was reverted
        os.rename('.ota/try', '.ota/t')  # what a cut leaves after this is litter, which the next update sweeps
        _rm('.ota/bad')
        _rm('.ota/b0')
        with open('.ota/t') as f:
            for line in f:
                _rm('.ota/b' + line.split()[1])
        _rm('.ota/t')


def run(name):
    # Imports the application. If it fails, resets after 10 s, which a trial counts: main.py would end in the REPL.
    try:
        __import__(name)
    except Exception as e:
        import sys, time

        sys.print_exception(e)
        time.sleep(10)
        import machine

        machine.reset()


def _drop(modules):
    # The 10 KB of the network part are for the application. Not in the finally below: ports before 1.23 compile a loop there wrong.
    for m in list(modules):
        if m.startswith('micropython_ota_'):
            del modules[m]


def __getattr__(name):
    # What is not here is a function of the network part.
    def call(*a, **k):
        import sys, gc

        old = sys.modules.get('micropython_ota_net')
        gc.collect()  # else what the last call left is collected while the next one loads, which then finds only pieces
        try:
            import micropython_ota_net as net

            return getattr(net, name)(sys.modules[__name__], *a, **k)
        except Exception as e:
            if name == 'update':
                raise
            print('ota:', repr(e))
        finally:
            if not old:
                _drop(sys.modules)

    return call


# By name, for those who import *. update, check_version, generate_auth and forget are found by __getattr__ alone: each name
# here costs 110 bytes.
ota_update = __getattr__('ota_update')
check_for_ota_update = __getattr__('check_for_ota_update')

try:
    if _finish():
        import machine

        machine.reset()  # once: what was finished is no longer found
except Exception as e:
    print('ota:', repr(e))

# What the client needs of the heap. Prints "<name> <bytes>" for each figure.
#
#   micropython memory.py update URL          the most that is in use during an update, garbage not counted: idle, peak
#   micropython memory.py install URL         an update without a callback, so that garbage is collected when the heap is full
import gc
import sys

sys.path[:] = ['']


def used():
    gc.collect()
    return gc.mem_alloc()


def update():
    import micropython_ota as ota

    peak = 0
    print('idle', used())

    def progress(*a):
        nonlocal peak
        peak = max(peak, used())

    ota.update(sys.argv[2], 'sample', progress=progress)
    print('peak', peak)


def install():
    import micropython_ota as ota

    print('installed', ota.update(sys.argv[2], 'sample'))
    ota._finish()


{'update': update, 'install': install}[sys.argv[1]]()

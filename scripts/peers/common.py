"""What the peers' rows share: reading pictures, and the clock. One JSON line per measurement, with the
keys of scripts/peerbench (main.go)."""
import gc
import json
import os
import resource
import sys
import time

import numpy as np

THREADS = int(os.environ.get("PEER_THREADS", "2"))


def read_ppm(path):
    """RGB, u8 or u16, in native byte order."""
    with open(path, "rb") as f:
        assert f.readline() == b"P6\n"
        w, h = map(int, f.readline().split())
        deep = int(f.readline()) > 255
        pixels = np.fromfile(f, ">u2" if deep else np.uint8)
    return (pixels.astype(np.uint16) if deep else pixels).reshape(h, w, 3)


def write_ppm(path, rgb):
    h, w, _ = rgb.shape
    deep = rgb.dtype == np.uint16
    with open(path, "wb") as f:
        f.write(b"P6\n%d %d\n%d\n" % (w, h, 65535 if deep else 255))
        (rgb.astype(">u2") if deep else np.ascontiguousarray(rgb)).tofile(f)


def _status_mb(key):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def timed(row, name, work, reps, warm=True, side="peer"):
    """Times work() reps times, after one call that does not count unless warm is False. Returns the last result.

    The result of every call is dropped before the next, outside the clock, as a caller would."""
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass
    base = _status_mb("VmRSS")
    result = work() if warm else None
    walls, cpus = [], []
    for _ in range(reps):
        result = None
        c, t = _cpu(), time.perf_counter()
        result = work()
        walls.append(time.perf_counter() - t)
        cpus.append(_cpu() - c)
    extra = _status_mb("VmHWM") - base
    out = dict(row=row, side=side, name=name, min_s=min(walls), median_s=sorted(walls)[len(walls) // 2], all_s=walls,
               cpu_s=cpus[walls.index(min(walls))], extra_mb=extra)
    return result, out


def emit(out, info=None):
    if info:
        out["info"] = info
    print(json.dumps(out), flush=True)


def log(*words):
    print(*words, file=sys.stderr, flush=True)

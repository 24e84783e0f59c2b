"""Inside gdb: at each call of the recorder's cuMemAlloc_v2 the frames' addresses, innermost first,
as a line of JSON behind "frames: "."""
import json

import gdb


def addresses():
    """Addresses behind the calls; where a signal came, one behind it."""
    found, frame, signal = [], gdb.newest_frame(), False
    while frame is not None and frame.is_valid():
        # What was inlined, or left by a jump, has no return address.
        if frame.type() in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME):
            found.append(frame.pc() + signal)
            signal = frame.type() == gdb.SIGTRAMP_FRAME
        frame = frame.older()
    return found[1:]


class Stop(gdb.Breakpoint):
    def stop(self):
        # The real function, behind the recorder's, has the same name.
        if "libmemtrace" in (gdb.solib_name(gdb.newest_frame().pc()) or ""):
            print("frames: " + json.dumps(addresses()))
        return False


gdb.execute("set breakpoint pending on")
gdb.execute("set pagination off")
gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
gdb.execute("handle SIGUSR1 SIGUSR2 nostop noprint pass")
Stop("cuMemAlloc_v2")
gdb.execute("run")

"""What NVML says of the first GPU, asked here and now, behind nobody's back."""
import ctypes
import os


class Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class Process(ctypes.Structure):  # nvmlProcessInfo_t of nvmlDeviceGetComputeRunningProcesses_v3
    _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong),
                ("gpu_instance", ctypes.c_uint), ("compute_instance", ctypes.c_uint)]


class NvmlError(Exception):
    pass


def must(result, what):
    if result != 0:
        raise NvmlError(f"{what} says {result}")


def read(uuid):
    """{"used", "processes": [[pid, bytes]], "pid"} of the device with this UUID (GPU-...)."""
    nvml, device, memory = ctypes.CDLL("libnvidia-ml.so.1"), ctypes.c_void_p(), Memory()
    must(nvml.nvmlInit_v2(), "nvmlInit_v2")
    must(nvml.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(device)), "GetHandleByUUID")
    must(nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)), "GetMemoryInfo")
    count, room = ctypes.c_uint(256), (Process * 256)()
    must(nvml.nvmlDeviceGetComputeRunningProcesses_v3(device, ctypes.byref(count), room),
         "GetComputeRunningProcesses_v3")
    listed = [[room[i].pid, room[i].used] for i in range(count.value)]
    return {"used": memory.used, "processes": listed, "pid": os.getpid()}

/* A libnvidia-ml.so.1 that answers from the environment.

   FAKE_NVML_GPUS    how many GPUs there are (8)
   FAKE_NVML_STATE   a file with the NVML error that initialisation and counting return (0: none)
   FAKE_NVML_SILENT  set: no GPU tells anything (NVML_ERROR_NOT_SUPPORTED)
   FAKE_NVML_HANG    set: counting never returns
   FAKE_NVML_NAME    the GPUs' name
   FAKE_NVML_USED    MiB in use on each GPU (17408)
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_SUPPORTED 3
#define INSUFFICIENT_SIZE 7

typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2;
typedef struct { unsigned gpu, memory; } rates;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } process;

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value && *value ? atoi(value) : otherwise;
}
static int silent(void) { return getenv("FAKE_NVML_SILENT") != NULL; }
static int state(void) {
    const char *path = getenv("FAKE_NVML_STATE");
    FILE *file = path ? fopen(path, "r") : NULL;
    int code = 0;
    if (file) {
        if (fscanf(file, "%d", &code) != 1) code = 0;
        fclose(file);
    }
    return code;
}
static int put(char *target, unsigned size, const char *text) {
    if (silent()) return NOT_SUPPORTED;
    snprintf(target, size, "%s", text);
    return 0;
}
static unsigned index_of(void *device) { return (unsigned)(unsigned long)device - 1; }

int nvmlInitWithFlags(unsigned flags) { (void)flags; return state(); }
int nvmlInit_v2(void) { return state(); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "fake error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned size) { return put(text, size, "550.54.15"); }
int nvmlSystemGetCudaDriverVersion(int *version) {
    if (silent()) return NOT_SUPPORTED;
    *version = 12040;
    return 0;
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    if (getenv("FAKE_NVML_HANG"))
        for (;;) pause();
    *count = (unsigned)number("FAKE_NVML_GPUS", 8);
    return state();
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = (void *)(unsigned long)(index + 1);
    return 0;
}
int nvmlDeviceGetName(void *device, char *text, unsigned size) {
    const char *name = getenv("FAKE_NVML_NAME");
    (void)device;
    return put(text, size, name ? name : "NVIDIA A100-SXM4-80GB");
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned size) {
    char uuid[64];
    snprintf(uuid, sizeof uuid, "GPU-%08x-0000-4000-8000-000000000000", index_of(device));
    return put(text, size, uuid);
}
static unsigned long long used(void) {
    return (unsigned long long)number("FAKE_NVML_USED", 17408) << 20;
}
int nvmlDeviceGetMemoryInfo(void *device, memory_v1 *memory) {
    (void)device;
    if (silent()) return NOT_SUPPORTED;
    memory->total = 80ull << 30;
    memory->used = used();
    memory->free = memory->total - memory->used;
    return 0;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2 *memory) {
    (void)device;
    if (silent()) return NOT_SUPPORTED;
    memory->total = 80ull << 30;
    memory->reserved = 1ull << 30;
    memory->used = used();
    memory->free = memory->total - memory->used - memory->reserved;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, rates *answer) {
    if (silent()) return NOT_SUPPORTED;
    answer->gpu = 12 * index_of(device) % 101;
    answer->memory = 5;
    return 0;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) {
    (void)sensor;
    if (silent()) return NOT_SUPPORTED;
    *degrees = 40 + index_of(device);
    return 0;
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
    (void)device;
    if (silent()) return NOT_SUPPORTED;
    *milliwatts = 210500;
    return 0;
}
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *milliwatts) {
    (void)device;
    if (silent()) return NOT_SUPPORTED;
    *milliwatts = 400000;
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    (void)device;
    if (silent()) return NOT_SUPPORTED;
    *major = 8;
    *minor = 0;
    return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, process *processes) {
    unsigned room = *count;
    if (silent()) return NOT_SUPPORTED;
    if (index_of(device) != 0) {
        *count = 0;
        return 0;
    }
    *count = 2;
    if (room < 2 || processes == NULL) return INSUFFICIENT_SIZE;
    memset(processes, 0, 2 * sizeof *processes);
    processes[0].pid = 4711;
    processes[0].used = 16ull << 30;
    processes[1].pid = 4712;
    processes[1].used = ~0ull; /* NVML_VALUE_NOT_AVAILABLE, as inside a container */
    return 0;
}

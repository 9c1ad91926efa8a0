"""Libraries without content in the place of CUDA's: make_stubs.py PROVIDER FOLDER

Reads what a CUDA provider of onnxruntime is linked against, and compiles a library for each that has all its functions. They do nothing and say
that all went well, but for those that lend memory or say what the device is. Sessions can then be made, and nothing can be run.
"""

import os
import re
import subprocess
import sys

SPOKEN = """
#include <stdlib.h>
#include <string.h>
static int handle;
static int lend(void **p, size_t n) { *p = malloc(n ? n : 1); return 0; }
int cudaGetDeviceCount(int *n) { *n = 1; return 0; }
int cudaGetDevice(int *n) { *n = 0; return 0; }
int cudaDriverGetVersion(int *n) { *n = 13000; return 0; }
int cudaRuntimeGetVersion(int *n) { *n = 13000; return 0; }
/* major and minor of the compute capability, threads of a warp, and sizes */
int cudaDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? 8 : a == 76 ? 0 : a == 10 ? 32 : 1024; return 0; }
/* memory, shared memory, registers, threads of a warp and of a block, and the compute capability, where CUDA 13 has them */
int cudaGetDeviceProperties(char *p, int d) {
  memset(p, 0, 700);
  strcpy(p, "stub");
  *(size_t *)(p + 288) = 16ull << 30; *(size_t *)(p + 296) = 49152;
  *(int *)(p + 304) = 65536; *(int *)(p + 308) = 32; *(int *)(p + 320) = 1024; *(int *)(p + 360) = 8;
  return 0;
}
int cudaMemGetInfo(size_t *f, size_t *t) { *f = *t = 16ull << 30; return 0; }
int cudaMalloc(void **p, size_t n) { return lend(p, n); }
int cudaMallocHost(void **p, size_t n) { return lend(p, n); }
int cudaHostAlloc(void **p, size_t n, unsigned f) { return lend(p, n); }
int cudaMallocFromPoolAsync(void **p, size_t n, void *a, void *b) { return lend(p, n); }
int cudaFree(void *p) { free(p); return 0; }
int cudaFreeAsync(void *p, void *s) { free(p); return 0; }
int cudaFreeHost(void *p) { free(p); return 0; }
int cudaMemcpy(void *d, const void *s, size_t n, int k) { memcpy(d, s, n); return 0; }
int cudaMemcpyAsync(void *d, const void *s, size_t n, int k, void *t) { memcpy(d, s, n); return 0; }
int cudaMemset(void *d, int v, size_t n) { memset(d, v, n); return 0; }
int cudaMemsetAsync(void *d, int v, size_t n, void *t) { memset(d, v, n); return 0; }
int cudaStreamCreate(void **p) { *p = &handle; return 0; }
int cudaStreamCreateWithFlags(void **p, unsigned f) { *p = &handle; return 0; }
int cudaEventCreate(void **p) { *p = &handle; return 0; }
int cudaEventCreateWithFlags(void **p, unsigned f) { *p = &handle; return 0; }
int cudaMemPoolCreate(void **p, void *q) { *p = &handle; return 0; }
void **__cudaRegisterFatBinary(void *f) { static void *h; return &h; }
const char *cudaGetErrorString(int e) { return "stub"; }
const char *cudaGetErrorName(int e) { return "stub"; }
"""

provider, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
wanted: dict[str, list[str]] = {}
for line in subprocess.check_output(["nm", "-D", "--undefined-only", provider], text=True).splitlines():
    name = line.split()[-1]
    versioned = re.match(r"(\w+)@+(lib\w+\.so\.\d+)", name)
    if versioned:
        wanted.setdefault(versioned[2], []).append(versioned[1])
    elif name.startswith("cu"):
        wanted.setdefault("libcuda.so.1", []).append(name)
needed = re.findall(r"\[(libcu\w*\.so\.\d+)\]", subprocess.check_output(["readelf", "-d", provider], text=True))
spoken = set(re.findall(r"^[\w *]*?(\w+)\(", SPOKEN, re.M))
for library in needed:
    names = wanted.get(library, [])
    is_runtime = library.startswith("libcudart")
    lines = [SPOKEN] if is_runtime else []
    for name in names:
        if is_runtime and name in spoken:
            continue
        makes_handle = library.startswith("libcublas") and re.search(r"Create(_v2)?$", name)
        body = "static int handle; if (p) *p = &handle; " if makes_handle else ""
        lines.append(f"int {name}(void **p) {{ {body}return 0; }}")
    source, versions = f"{folder}/stub.c", f"{folder}/stub.map"
    with open(source, "w") as file:
        file.write("\n".join(lines) + "\n")
    command = ["gcc", "-shared", "-fPIC", "-w", "-o", f"{folder}/{library}", f"-Wl,-soname,{library}", source]
    if names and library != "libcuda.so.1":
        with open(versions, "w") as file:
            file.write(f"{library} {{ *; }};\n")
        command.append(f"-Wl,--version-script={versions}")
    subprocess.check_call(command)

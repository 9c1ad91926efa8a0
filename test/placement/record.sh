#!/usr/bin/env bash
# Writes gpu-job/runtime/cuda-kernels.ts from what the CUDA provider of the pinned version registers, on a machine without a GPU:
#   test/placement/record.sh FOLDER
# FOLDER gets the provider (250 MB from PyPI), libraries without content in the place of CUDA's, and a copy of this tree with both.
# Needs pip, Python 3, gcc, nm and readelf.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$folder"
if [ ! -d provider ]; then
  pip download --no-deps --require-hashes --only-binary=:all: --python-version 3.12 \
    --platform manylinux_2_28_x86_64 --dest . --requirement "$root/gpu-job/image/provider.txt"
  python3 -m zipfile --extract onnxruntime_gpu-*.whl provider
fi
files=$folder/provider/onnxruntime/capi
python3 "$root/test/placement/make_stubs.py" "$files/libonnxruntime_providers_cuda.so" "$folder/stubs"
rm -rf tree
mkdir -p tree/node_modules
for package in "$root"/node_modules/*; do ln -s "$(readlink -f "$package")" "tree/node_modules/$(basename "$package")"; done
rm tree/node_modules/onnxruntime-node
cp -r "$(readlink -f "$root/node_modules/onnxruntime-node")" tree/node_modules/
cp -r "$root"/{gpu-job,shared,test,package.json,tsconfig.json} tree/
cd tree
node --import tsx gpu-job/image/place-provider.ts "$files"
LD_LIBRARY_PATH=$folder/stubs node --import tsx test/placement/record.ts
cp gpu-job/runtime/cuda-kernels.ts "$root/gpu-job/runtime/"
cd "$root"
npx prettier --write gpu-job/runtime/cuda-kernels.ts

/**
 * The CUDA provider that belongs to the installed runtime, and what it needs of a machine. Hashes and library names were read from the
 * package that `gpu-job/image/provider.txt` names; its core has the build id of the one in `onnxruntime-node`.
 */
export const cudaProvider = {
  version: '1.30.0',
  /** Files beside the core and their SHA-256. */
  files: {
    'libonnxruntime_providers_cuda.so': '35da2e7ed0dd0d1aec5cdb16ce11a51d06c0c48cf62d1b1c9332946a4fae14fc',
    'libonnxruntime_providers_shared.so': '086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d',
  },
  /** Of the image. cuDNN is loaded when a graph asks for it, so that without it only some graphs fail. */
  libraries: ['libcublasLt.so.13', 'libcublas.so.13', 'libcurand.so.10', 'libcudart.so.13', 'libcudnn.so.9'],
  /** Of the host: the container toolkit lends it to a container that was given a GPU. */
  driverLibrary: 'libcuda.so.1',
  /** CUDA 13 needs it. */
  driverMajorMin: 580,
  /** Turing: the T4. There is no code for older devices. */
  computeCapabilityMin: 7.5,
} as const;

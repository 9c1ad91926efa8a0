/** What computes: the processor, or a GPU by the number that the driver gives it. */
export type Device = 'cpu' | { readonly cuda: number };

/** A device by the name that specs and people give it: `cpu`, `cuda` for the first GPU, `cuda:1` for the second. */
export function deviceOf(name: string | undefined): Device {
  return name === undefined || name === 'cpu' ? 'cpu' : { cuda: Number(name.split(':')[1] ?? 0) };
}

/** That of a worker: each takes a GPU of its own, from the first worker's on. */
export function deviceOfWorker(device: Device, index: number): Device {
  return device === 'cpu' ? device : { cuda: device.cuda + index };
}

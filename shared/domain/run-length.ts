/**
 * Steps of so many epochs, a part of one among them: it does that share of its steps, rounded up. `startOf` tells the first step of an
 * epoch, counted from 0: the last step of each may be smaller, so epochs begin anew and are not one long list of rows.
 */
export function stepsOfEpochs(epochs: number, startOf: (epoch: number) => number): number {
  const whole = Math.floor(epochs);
  const rest = epochs - whole;
  return startOf(whole) + (rest > 0 ? Math.ceil(rest * (startOf(whole + 1) - startOf(whole)) - 1e-9) : 0);
}

/** How many lines of a dataset are held out of training. */
export function heldOutLines(lines: number, fraction: number): number {
  return Math.round(fraction * lines);
}

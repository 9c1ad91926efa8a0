import type { JobEvent } from '../shared/contract/job-events.ts';
import { findingText } from './error-text.ts';

/** Where progress is written. */
export interface Screen {
  write(text: string): void;
  /** Whether a line can be drawn over. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Milliseconds. */
  now(): number;
}

/** Shows events of a job as they come: one live line on a terminal, now and then a plain line elsewhere. */
export interface ProgressView {
  show(event: JobEvent): void;
  /** A line that stays. */
  note(text: string): void;
  /** Takes the live line away. */
  end(): void;
}

export function progressView(screen: Screen): ProgressView {
  let evalLoss: number | undefined;
  let drawnAt = -Infinity;
  let live = false;
  const clear = (): void => {
    if (live) screen.write('\r\u001B[K');
    live = false;
  };
  const note = (text: string): void => {
    clear();
    screen.write(`${text}\n`);
  };
  const draw = (line: string, last: boolean): void => {
    const now = screen.now();
    if (!last && now - drawnAt < (screen.isTerminal ? liveMilliseconds : plainMilliseconds)) return;
    drawnAt = now;
    if (!screen.isTerminal) return note(line);
    screen.write(`\r\u001B[K${line.slice(0, Math.max(20, screen.columns - 1))}`);
    live = true;
  };
  return {
    note,
    end: clear,
    show(event) {
      switch (event.type) {
        case 'finding':
          return note(`warning: ${findingText(event.finding)}`);
        case 'run':
          return note(runText(event));
        case 'step':
          // of several that are trained at once, the progress of all is told beside it
          if (event.task !== undefined) return;
          return draw(stepText(event, evalLoss, screen.isTerminal), event.step === event.steps);
        case 'eval':
          evalLoss = event.loss;
          return note(
            `${ofTask(event)}step ${event.step}: held-out loss ${event.loss.toFixed(4)}, ${(100 * event.tokenAccuracy).toFixed(1)}% of tokens right`,
          );
        case 'sample':
          return note(`step ${event.step}: ${quoted(event.prompt)} -> ${quoted(event.text)}`);
        case 'checkpoint':
          return note(`step ${event.step}: saved ${event.path}`);
        case 'progress':
          return draw(
            `${event.stage}: ${event.done} of ${event.total} ${event.unit} ${bar(event.done / event.total, 20)}`,
            false,
          );
        case 'text':
          return;
      }
    },
  };
}

/** Fast enough to look alive, slow enough to cost nothing. */
const liveMilliseconds = 100;
const plainMilliseconds = 10_000;

type Event<T extends JobEvent['type']> = Extract<JobEvent, { type: T }>;

const ofTask = ({ task }: { readonly task?: string }): string => (task === undefined ? '' : `${task}: `);

function runText({
  task,
  firstStep,
  steps,
  rows,
  evalRows,
  tokens,
  trainedTokens,
  trainableParameters,
  memory,
}: Event<'run'>): string {
  const number = (value: number): string => value.toLocaleString('en');
  const from = firstStep > 1 ? `, going on from step ${firstStep - 1}` : '';
  return `${ofTask(task === undefined ? {} : { task })}${number(trainableParameters)} parameters, ${number(rows)} rows (${number(evalRows)} held out), ${number(tokens)} tokens of which ${number(trainedTokens)} are trained, ${number(steps)} steps${from}${memory === undefined ? '' : `\nSteps: ${memory}`}`;
}

function stepText(event: Event<'step'>, evalLoss: number | undefined, withBar: boolean): string {
  const { step, steps, loss, tokensPerSecond, secondsLeft } = event;
  return [
    ...(withBar ? [bar(step / steps, 16)] : []),
    `step ${step}/${steps}`,
    `loss ${loss.toFixed(4)}`,
    ...(evalLoss === undefined ? [] : [`held-out ${evalLoss.toFixed(4)}`]),
    `${Math.round(tokensPerSecond).toLocaleString('en')} tokens/s`,
    `${durationText(secondsLeft)} left`,
  ].join('  ');
}

/** `1 h 05 min`, `3 min 20 s`, `12 s`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return whole >= 60 ? `${Math.floor(whole / 60)} min ${two(whole % 60)} s` : `${whole} s`;
}

function bar(share: number, width: number): string {
  const full = Math.max(0, Math.min(width, Math.round(share * width)));
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

/** Text from a model may hold anything, control characters of the terminal too. */
const quoted = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);

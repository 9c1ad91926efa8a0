import { limits } from '../limits.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** The text side of a model: its tokenizer and, where it has one, its chat template. */
export interface ModelText {
  readonly tokenizer: TextTokenizer;
  readonly template: ChatTemplate | undefined;
}

export interface WantedText {
  /** Of the contents that it is made from: the same key is the same text. */
  readonly key: string;
  /** Of those contents together. */
  readonly sizeBytes: number;
  /** Makes it. */
  readonly open: () => Promise<ModelText>;
}

/** The texts that were used last, kept for who comes next. Loading one takes up to a second, and a template starts a thread. */
export interface TextCache {
  /** Runs `work` with a text, which stays open until then. What `open` throws is thrown, and tried again the next time. */
  use<T>(wanted: WantedText, work: (text: ModelText) => Promise<T>): Promise<T>;
  /** Closes what is kept; what is in use closes when it is given back. */
  close(): void;
}

export interface TextCacheBounds {
  readonly texts: number;
  /** Of the contents together: a text takes some eight times as much memory. */
  readonly sizeBytes: number;
  readonly idleMilliseconds: number;
}

interface Kept {
  readonly key: string;
  readonly sizeBytes: number;
  readonly opened: Promise<ModelText>;
  users: number;
  /** Nobody gets it any more: it is closed as soon as nobody has it. */
  dropped: boolean;
  idle?: NodeJS.Timeout;
}

/** Holds no more than the bounds; with them at zero a text is closed as soon as nobody uses it. */
export function createTextCache(bounds: TextCacheBounds = defaultBounds): TextCache {
  /** The one that was used last is last. */
  const kept = new Map<string, Kept>();

  const drop = (entry: Kept): void => {
    if (kept.get(entry.key) === entry) kept.delete(entry.key);
    clearTimeout(entry.idle);
    entry.dropped = true;
    if (entry.users === 0) closeText(entry.opened);
  };

  const dropExcess = (): void => {
    let [count, sizeBytes] = [kept.size, 0];
    for (const entry of kept.values()) sizeBytes += entry.sizeBytes;
    for (const entry of kept.values()) {
      if (count <= bounds.texts && sizeBytes <= bounds.sizeBytes) return;
      drop(entry);
      count -= 1;
      sizeBytes -= entry.sizeBytes;
    }
  };

  const take = ({ key, sizeBytes, open }: WantedText): Kept => {
    const found = kept.get(key);
    kept.delete(key);
    const entry = found ?? { key, sizeBytes, opened: open(), users: 0, dropped: false };
    // what is larger than everything that may be kept must not drive the others out
    if (sizeBytes <= bounds.sizeBytes) kept.set(key, entry);
    else entry.dropped = true;
    clearTimeout(entry.idle);
    entry.users += 1;
    if (!found) entry.opened.catch(() => drop(entry));
    return entry;
  };

  const giveBack = (entry: Kept): void => {
    entry.users -= 1;
    if (entry.users > 0) return;
    if (entry.dropped) closeText(entry.opened);
    else entry.idle = setTimeout(() => drop(entry), bounds.idleMilliseconds).unref();
  };

  return {
    async use(wanted, work) {
      const entry = take(wanted);
      dropExcess();
      try {
        return await work(await entry.opened);
      } finally {
        giveBack(entry);
      }
    },
    close() {
      for (const entry of kept.values()) drop(entry);
    },
  };
}

const defaultBounds: TextCacheBounds = {
  texts: limits.keptTextsMax,
  sizeBytes: limits.keptTextBytesMax,
  idleMilliseconds: 1000 * limits.keptTextIdleSeconds,
};

function closeText(opened: Promise<ModelText>): void {
  void opened.then(({ template }) => template?.close()).catch(() => undefined); // one that never opened has nothing to close
}

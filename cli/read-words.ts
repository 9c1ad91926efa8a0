import { nearestWord } from '../shared/contract/specs/nearest-word.ts';
import { refuseErrors, type Finding } from '../shared/errors.ts';

/** What was typed for a flag, each one of the words that there are, in the order of those. Throws `DomainError('usage')` with all that are none. */
export function readWords<W extends string>(flag: string, asked: readonly string[], known: readonly W[]): W[] {
  const findings = asked
    .filter((word) => !known.some((one) => one === word))
    .map((word): Finding => {
      const nearest = nearestWord(word, known);
      const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
      return { severity: 'error', code: 'usage', where: flag, message: `there is no "${word}"; ${hint}` };
    });
  refuseErrors('usage', 'This was not understood:', findings);
  return known.filter((word) => asked.includes(word));
}

/** The same for a flag that is given once. */
export function readWord<W extends string>(flag: string, asked: string, known: readonly W[]): W {
  const [word] = readWords(flag, [asked], known);
  if (word === undefined) throw new Error('a word that is known was read');
  return word;
}

import { DomainError } from '../../shared/errors.ts';

/** `code where` of everything that a promise was refused for, without the place `folder`; nothing when it was not. Other errors are thrown. */
export async function refusals(promise: Promise<unknown>, folder?: string): Promise<string[]> {
  try {
    await promise;
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const texts = error.findings.map(({ code, where }) => `${code} ${where}`);
    return folder === undefined ? texts : texts.map((text) => text.replaceAll(folder, ''));
  }
}

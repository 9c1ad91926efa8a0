import { exitCodes } from '../../gpu-job/main.ts';
import { DomainError } from '../../shared/errors.ts';
import { runCommand, type Command } from '../command.ts';
import { completionScript, shells } from '../completion-script.ts';

/** `lorary completion`: what makes the shell complete commands and flags, made from the table of commands. */
export const completionOf = (commands: () => readonly Command[]): Command =>
  runCommand({
    name: 'completion',
    summary: 'Print what makes a shell complete commands and flags.',
    usage: shells.join(' | '),
    words: { what: 'SHELL', min: 1, max: 1 },
    notes: [
      'bash:  source <(lorary completion bash)        in ~/.bashrc',
      'zsh:   source <(lorary completion zsh)         in ~/.zshrc, after compinit',
      'fish:  lorary completion fish | source         in ~/.config/fish/config.fish',
    ],
    examples: ['lorary completion bash'],
    flags: {},
    run({ words: [asked = ''], json }, io) {
      const shell = shells.find((one) => one === asked);
      if (shell === undefined) throw new DomainError('usage', `"${asked}" is none of ${shells.join(', ')}.`);
      const script = completionScript(shell, commands());
      io.print(json ? JSON.stringify({ shell, script }) : script);
      return Promise.resolve(exitCodes.done);
    },
  });

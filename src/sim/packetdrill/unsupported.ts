/** What of a script cannot be run here, known before it runs. */
import { isKnownCall } from './call-request.ts';
import { codeProblem } from './code-evaluator.ts';
import type { Action, CommandAction, Script } from './script.ts';
import { shellProblem } from './shell.ts';

export interface UnsupportedReason {
  readonly line: number;
  readonly reason: string;
}

export function findUnsupported(script: Script): UnsupportedReason | null {
  const { options, init, events, cleanup } = script;
  if (options.unsupported !== null) return { line: 1, reason: options.unsupported };
  const actions: readonly (Action | null)[] = [
    init,
    ...events.map(({ action }) => action),
    cleanup,
  ];
  for (const action of actions) {
    const found = action === null ? null : reasonOf(action);
    if (found !== null) return found;
  }
  return null;
}

function reasonOf(action: Action): UnsupportedReason | null {
  const { line } = action.at;
  switch (action.kind) {
    case 'command':
      return commandReason(action);
    case 'code': {
      const problem = codeProblem(action);
      return problem === null ? null : { line: problem.line, reason: `code: ${problem.what}` };
    }
    case 'call':
      return isKnownCall(action.name) ? null : { line, reason: `system call ${action.name}` };
    default: {
      const [outermost] = action.encapsulations;
      return outermost === undefined ? null : { line, reason: `encapsulation ${outermost}` };
    }
  }
}

function commandReason(command: CommandAction): UnsupportedReason | null {
  const reason = shellProblem(command.text);
  return reason === null ? null : { line: command.at.line, reason };
}

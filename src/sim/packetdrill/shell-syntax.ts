/**
 * The little of the shell that scripts use: words, quotes, comments, lines that go on, pipes, `;`, `&&`,
 * `||` and redirections. Variables stay as written: only `${PPID}` occurs, in the name of a file.
 */

export interface ShellCommand {
  readonly words: readonly string[];
  /** The file that its output goes to, or null; /dev/null counts as a file. */
  readonly output: string | null;
}

/** Commands with pipes between them; `after` says what the one before must have come to. */
export interface Pipeline {
  readonly after: 'anything' | 'success' | 'failure';
  readonly commands: readonly ShellCommand[];
}

const TOKEN =
  /(?<blank>(?:[ \t\r]|\\\n)+|#[^\n]*)|(?<end>\n|;|&&|\|\|)|(?<pipe>\|)|(?<redirect>\d?>&\d|&>>?|\d?>>?|<)|(?<word>(?:'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\\[\s\S]|\$\{PPID\}|\$PPID|[^\s'"\\|&;<>()`$])+)|(?<other>[\s\S])/y;

/** What the text says, or what of it is not understood. */
export function parseShell(text: string): readonly Pipeline[] | string {
  const reader = new ShellReader();
  const pattern = new RegExp(TOKEN);
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const match = pattern.exec(text)!;
    const { groups } = match;
    const found = match[0];
    if (groups!.other !== undefined) return `shell syntax: ${found}`;
    if (groups!.word !== undefined) reader.word(unquoted(found));
    else if (groups!.redirect !== undefined) reader.redirect(found);
    else if (groups!.pipe !== undefined) reader.endCommand();
    else if (groups!.end !== undefined) reader.endPipeline(found);
  }
  reader.endPipeline('\n');
  return reader.problem ?? reader.pipelines;
}

class ShellReader {
  readonly pipelines: Pipeline[] = [];
  problem: string | null = null;
  private commands: ShellCommand[] = [];
  private words: string[] = [];
  private output: string | null = null;
  private after: Pipeline['after'] = 'anything';
  /** A redirection waits for its file: true for one of standard output. */
  private awaited: 'nothing' | 'output' | 'ignored' = 'nothing';

  word(word: string): void {
    if (this.awaited === 'output') this.output = word;
    else if (this.awaited === 'nothing') this.words.push(word);
    this.awaited = 'nothing';
  }

  redirect(sign: string): void {
    if (sign === '<') this.problem = 'shell syntax: <';
    // Diagnostics go nowhere anyway; `2>&1` needs no file.
    if (/>&\d$/.test(sign)) return;
    this.awaited = sign.startsWith('2') ? 'ignored' : 'output';
  }

  endCommand(): void {
    if (this.words.length > 0) this.commands.push({ words: this.words, output: this.output });
    this.words = [];
    this.output = null;
  }

  endPipeline(sign: string): void {
    this.endCommand();
    // A line may end behind && or ||: what follows still depends on what was before.
    if (this.commands.length > 0) {
      this.pipelines.push({ after: this.after, commands: this.commands });
      this.commands = [];
      this.after = 'anything';
    }
    if (sign === '&&') this.after = 'success';
    if (sign === '||') this.after = 'failure';
  }
}

function unquoted(word: string): string {
  return word.replace(
    /'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|\\([\s\S])/g,
    (_all, single, double, one) =>
      single !== undefined
        ? single
        : double !== undefined
          ? double.replace(/\\([\\"$`])/g, '$1')
          : one === '\n'
            ? ''
            : one,
  );
}

/** Counts checks and prints a line for each, as `npm test` does. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;

  /** Returns whether it passed. What it throws is why not. */
  async check(title: string, action: () => Promise<void> | void): Promise<boolean> {
    const startMs = performance.now();
    let why = '';
    try {
      await action();
      this.passed++;
    } catch (error) {
      this.failed++;
      why = error instanceof Error ? error.message : String(error);
    }
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`${why === '' ? 'ok    ' : 'NOT OK'}  ${title}  ${seconds} s`);
    if (why !== '') console.log(why.replace(/^/gm, '    '));
    return why === '';
  }

  skip(title: string, why: string): void {
    this.skipped++;
    console.log(`skipped: ${title}: ${why}`);
  }
}

/** Throws with what was found unless the text has all of the patterns. */
export function expectText(text: string, ...patterns: readonly RegExp[]): void {
  for (const pattern of patterns) {
    if (!pattern.test(text)) throw new Error(`no ${String(pattern)} in:\n${text.trimEnd()}`);
  }
}

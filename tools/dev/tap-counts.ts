/**
 * Counts what a TAP stream says (TAP 14, subtests indented by four): leaves only, so that a subtest is not
 * counted again beside its assertions. A parent that failed without a failed leaf (a crash, a signal, a
 * timeout, a broken plan) is a failure of its own; a file that ran nothing is a failure too.
 */
export interface Failure {
  readonly name: string;
  readonly diagnostics: string[];
}

export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** A finished test file, or a test point at the top level. */
export interface FileResult {
  readonly name: string;
  readonly isOk: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Null when the stream does not say. */
  readonly seconds: number | null;
}

const POINT = /^( *)(not )?ok\b(?: \d+)?(?: - (.*?))?(?: # (.*))?$/;
const SUBTEST = /^( *)# Subtest: (.*)$/;
const MAX_DIAGNOSTICS = 60;

export class TapCounts {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly failures: Failure[] = [];
  readonly skips: Skip[] = [];
  readonly files: FileResult[] = [];

  /** By depth: the open subtests' names, whether a point was seen there, and whether one failed. */
  private names: string[] = [];
  private seen: boolean[] = [];
  private broken: boolean[] = [];
  private yamlEnd = '';
  private diagnostics: string[] | null = null;
  private atFileStart = { passed: 0, failed: 0, skipped: 0 };

  /** Takes one line without its newline. Returns the file that it completes, or null. */
  line(text: string): FileResult | null {
    if (this.yamlEnd !== '') {
      this.inYaml(text);
      return null;
    }
    const yaml = /^( *)---$/.exec(text);
    if (yaml !== null) {
      this.yamlEnd = `${yaml[1]}...`;
      return null;
    }
    const subtest = SUBTEST.exec(text);
    if (subtest !== null) {
      this.names[subtest[1]!.length / 4] = subtest[2]!;
      return null;
    }
    const point = POINT.exec(text);
    if (point === null || point[1]!.length % 4 !== 0) return null;
    return this.point(point[1]!.length / 4, point[2] === undefined, point[3] ?? '', point[4] ?? '');
  }

  private inYaml(text: string): void {
    if (text === this.yamlEnd) {
      this.yamlEnd = '';
      this.diagnostics = null;
    } else if (this.diagnostics !== null && this.diagnostics.length < MAX_DIAGNOSTICS) {
      this.diagnostics.push(text);
    }
  }

  private point(depth: number, isOk: boolean, text: string, directive: string): FileResult | null {
    const hadChildren = this.seen[depth + 1] === true;
    const childBroke = this.broken[depth + 1] === true;
    this.seen.length = depth + 1;
    this.broken.length = depth + 1;
    this.seen[depth] = true;
    const name = [...this.names.slice(0, depth), text].join(' > ');
    const off = /^(skip|to[d]o)\b\s*(.*)$/i.exec(directive);
    this.diagnostics = null;
    if (off !== null && !/^no tests found$/.test(off[2]!)) {
      this.skipped++;
      this.skips.push({ name, reason: off[2] === '' ? off[1]! : off[2]! });
    } else if (!isOk || off !== null) {
      this.broken[depth] = true;
      if (!childBroke) this.fail(name, off !== null ? 'no test ran' : '');
    } else if (!hadChildren) this.passed++;
    return depth === 0 ? this.endFile(text, directive) : null;
  }

  private fail(name: string, why: string): void {
    this.failed++;
    const failure: Failure = { name, diagnostics: why === '' ? [] : [why] };
    this.failures.push(failure);
    this.diagnostics = failure.diagnostics;
  }

  private endFile(name: string, directive: string): FileResult {
    const time = /^time=([\d.]+)ms$/.exec(directive);
    const before = this.atFileStart;
    const failed = this.failed - before.failed;
    this.atFileStart = { passed: this.passed, failed: this.failed, skipped: this.skipped };
    return this.record({
      name,
      isOk: failed === 0,
      passed: this.passed - before.passed,
      failed,
      skipped: this.skipped - before.skipped,
      seconds: time === null ? null : Number(time[1]) / 1000,
    });
  }

  private record(file: FileResult): FileResult {
    this.files.push(file);
    return file;
  }
}

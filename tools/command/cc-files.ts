/**
 * The congestion control of a running stack: modules that a user has in files (`up --cc FILE`), behind a guard, loaded
 * again when their file changes.
 *
 *     file ── load ──► module ── guard ──► registry of the stack ──► new connections
 *       │ changes: the same again, as the next version       └── asked for: the open ones change to it
 *
 * A version that cannot be loaded leaves the one before where it is.
 */
import { resolve } from 'node:path';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import { type CcFaults, guarded } from '../../src/cc/guarded.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { ccFailure, loadCcModule } from './cc-file.ts';
import { type CcReporter, type CcWatch, isCcFile } from './cc-spec.ts';
import { Failure, failureOf } from './failure.ts';
import { FileWatch } from './file-watch.ts';
import { freshUrl } from './fresh-import.ts';

/** What `ringway cc` shows of a module; the part behind the first four is of users' files. */
export interface CcView {
  readonly name: string;
  readonly isDefault: boolean;
  readonly isAllowed: boolean;
  readonly connections: number;
  readonly file?: string;
  readonly version?: number;
  /** Of all versions, and the first of this one. */
  readonly faults?: number;
  readonly firstFault?: string;
  /** Why the file as it is now is not this version. */
  readonly error?: string;
}

/** A user's file, and what was last made of it. */
class CcFile {
  readonly path: string;
  readonly name: string;
  version = 1;
  module: CcModule;
  private faults: CcFaults;
  /** Of all versions. */
  private mistakes = 0;
  error = '';
  /** Counts attempts: of two under way at once the later one is right. */
  private attempts = 0;
  private readonly reporter: CcReporter;
  private readonly watch: FileWatch | null;
  /** Who counts for the stack, once there is one. */
  private stack: Stack | null = null;

  private constructor(path: string, own: CcModule, reporter: CcReporter, watch: FileWatch | null) {
    this.path = path;
    this.name = own.name;
    this.reporter = reporter;
    this.watch = watch;
    const { module, faults } = this.guard(own);
    this.module = module;
    this.faults = faults;
  }

  /** Throws a Failure. */
  static async load(path: string, reporter: CcReporter, watch: FileWatch | null): Promise<CcFile> {
    watch?.add(path);
    const own = await loadCcModule(path, (p) => freshUrl(p, (file) => watch?.add(file)));
    return new CcFile(path, own, reporter, watch);
  }

  attach(stack: Stack): void {
    this.stack = stack;
  }

  /** False: a later attempt has overtaken this one. Throws a Failure; then nothing has changed. */
  async loadAgain(): Promise<boolean> {
    const attempt = ++this.attempts;
    try {
      const own = await loadCcModule(this.path, (p) => freshUrl(p, (f) => this.watch?.add(f)));
      if (attempt !== this.attempts) return false;
      if (own.name !== this.name) {
        throw ccFailure(`${this.path}: its module was named "${this.name}", and is "${own.name}"`);
      }
      const { module, faults } = this.guard(own);
      this.module = module;
      this.faults = faults;
    } catch (error) {
      if (attempt !== this.attempts) return false;
      this.error = (failureOf(error) ?? (error as Error)).message;
      throw error;
    }
    this.version++;
    this.error = '';
    return true;
  }

  get view(): Pick<CcView, 'file' | 'version' | 'faults' | 'firstFault' | 'error'> {
    const { first } = this.faults;
    return {
      file: this.path,
      version: this.version,
      faults: this.mistakes,
      ...(first === '' ? {} : { firstFault: first }),
      ...(this.error === '' ? {} : { error: this.error }),
    };
  }

  private guard(own: CcModule): { module: CcModule; faults: CcFaults } {
    return guarded(own, ({ count, first }) => {
      this.mistakes++;
      this.stack?.tcp.ccStats.countFault();
      if (count === 1) this.reporter.failed(this.name, first);
    });
  }
}

export class CcFiles {
  private readonly files: CcFile[] = [];
  private readonly watches: FileWatch[] = [];
  private readonly watch: CcWatch;
  private readonly reporter: CcReporter;
  private defaultName = '';
  private stack: Stack | null = null;
  private kick = (): void => undefined;

  constructor(watch: CcWatch, reporter: CcReporter) {
    this.watch = watch;
    this.reporter = reporter;
  }

  /** Files and names; the first is what connections get. Before the stack is there. Throws a Failure. */
  async open(words: readonly string[]): Promise<void> {
    for (const word of words) {
      const name = isCcFile(word) ? (await this.addFile(word)).name : knownName(word);
      if (this.defaultName === '') this.defaultName = name;
    }
  }

  /** `kick` goes before whatever changes connections outside a turn. */
  attach(stack: Stack, kick: () => void): void {
    this.stack = stack;
    this.kick = kick;
    for (const file of this.files) this.register(stack, file);
    if (this.defaultName !== '') stack.tcp.ccModules.setDefault(this.defaultName);
  }

  close(): void {
    for (const watch of this.watches) watch.close();
  }

  /** One more, while the stack runs. Throws a Failure. */
  async load(path: string, isDefault: boolean): Promise<CcView> {
    const stack = this.stack!; // asked over the control socket, which comes after
    const file = await this.addFile(path);
    this.register(stack, file);
    if (isDefault) stack.tcp.ccModules.setDefault(file.name);
    return this.viewOf(file.name);
  }

  /** The file as it is now. Throws a Failure. @return how many open connections have changed to it. */
  async reload(name: string, isLive: boolean): Promise<{ changed: number; version: number }> {
    const file = this.files.find((f) => f.name === name);
    if (file === undefined) {
      const names = this.files.map((f) => f.name).join(', ');
      const known = names === '' ? 'there are none' : `there is ${names}`;
      throw new Failure('ENOENT', `no module of a user's is named "${name}": ${known}`);
    }
    if (!(await file.loadAgain())) return { changed: 0, version: file.version };
    const changed = this.replace(file, isLive);
    this.reporter.loaded(file.name, file.path, file.version, isLive ? changed : null);
    return { changed, version: file.version };
  }

  views(): CcView[] {
    return this.stack!.tcp.ccModules.available().map((name) => this.viewOf(name));
  }

  private async addFile(word: string): Promise<CcFile> {
    const path = resolve(word);
    const watch = this.watch === 'off' ? null : new FileWatch(() => this.changed(path));
    if (watch !== null) this.watches.push(watch);
    try {
      const file = await CcFile.load(path, this.reporter, watch);
      const twin = this.files.find((f) => f.name === file.name);
      if (twin !== undefined) {
        throw ccFailure(`${word}: "${file.name}" is the name of the module in ${twin.path}`);
      }
      this.files.push(file);
      return file;
    } catch (error) {
      watch?.close();
      throw error;
    }
  }

  private register(stack: Stack, file: CcFile): void {
    file.attach(stack);
    stack.tcp.ccModules.register(file.module);
  }

  /** A file, or one that it imports, has other text than before. */
  private changed(path: string): void {
    const file = this.files.find((f) => f.path === path);
    if (file === undefined || this.stack === null) return;
    this.reload(file.name, this.watch === 'live').catch((error: unknown) => {
      this.reporter.refused(file.name, file.version, (error as Error).message);
    });
  }

  private replace(file: CcFile, isLive: boolean): number {
    const { tcp } = this.stack!;
    tcp.ccModules.replace(file.module);
    if (!isLive) return 0;
    this.kick();
    let changed = 0;
    for (const end of tcp.demux.all()) {
      if (end.kind !== 'connection' || end.congestion.module.name !== file.name) continue;
      if (end.useCongestion(file.name) === 0) changed++;
    }
    return changed;
  }

  private viewOf(name: string): CcView {
    const { ccModules, demux } = this.stack!.tcp;
    const file = this.files.find((f) => f.name === name);
    return {
      name,
      isDefault: ccModules.defaultModule.name === name,
      isAllowed: ccModules.allowed().includes(name),
      connections: demux
        .all()
        .filter((e) => e.kind === 'connection' && e.congestion.module.name === name).length,
      ...(file === undefined ? {} : file.view),
    };
  }
}

function knownName(word: string): string {
  const known = builtinModules();
  if (known.find(word) !== undefined) return word;
  const names = known.available().join(', ');
  throw ccFailure(`--cc ${word}: there is ${names}; a file has a path, as ./${word}.ts`);
}

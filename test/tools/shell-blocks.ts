/** Shell examples of a document. */

export interface ShellBlock {
  readonly line: number;
  /** What follows the language: `check=run`, `check=exists` or nothing. */
  readonly mark: string;
  readonly commands: readonly string[];
}

export function shellBlocks(markdown: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  for (const match of markdown.matchAll(/^```sh(.*)\n([\s\S]*?)^```$/gm)) {
    const line = markdown.slice(0, match.index).split('\n').length;
    const commands = match[2]!
      .split('\n')
      .map((text) => text.replace(/(^|\s)#.*$/, '').trim())
      .filter((text) => text !== '');
    blocks.push({ line, mark: match[1]!.trim(), commands });
  }
  return blocks;
}

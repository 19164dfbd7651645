#!/usr/bin/env node
/** The `ringway` command: what `npm run build` made of tools/ringway.ts, or in a checkout the source itself. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('../tools/ringway.ts', import.meta.url);
const built = new URL('../dist/tools/ringway.js', import.meta.url);

/** @param {URL} dir @param {number} sinceMs */
function hasNewer(dir, sinceMs) {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).some(
    (entry) =>
      entry.isFile() &&
      statSync(`${entry.parentPath ?? entry.path}/${entry.name}`).mtimeMs > sinceMs,
  );
}

/** In a checkout, sources edited after the build win: nobody should debug a build that is out of date. */
function isBuildCurrent() {
  if (!existsSync(built)) return false;
  if (!existsSync(source)) return true;
  const builtMs = statSync(built).mtimeMs;
  return !['../src/', '../tools/'].some((dir) => hasNewer(new URL(dir, import.meta.url), builtMs));
}

if (isBuildCurrent()) {
  await import(built.href);
} else {
  const { register } = await import('tsx/esm/api');
  register();
  await import(fileURLToPath(source));
}

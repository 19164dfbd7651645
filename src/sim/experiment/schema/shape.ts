/**
 * What a scenario file may say, as data: one description from which files are read and checked, the JSON Schema is
 * made, and the reference in docs/experiments.md.
 */
import type { Unit } from './quantity.ts';

export type Shape =
  | PlainShape
  /** Whatever it is: it is read elsewhere. */
  | { readonly type: 'any' }
  | { readonly type: 'list'; readonly of: Shape; readonly least?: number; readonly most?: number }
  /** Any names, each with a value of one shape. */
  | { readonly type: 'map'; readonly of: Shape }
  | RecordShape
  /** A record whose field `kind` tells which one. */
  | VariantShape
  /** A record that is told by which field it has: that is its form's name. */
  | FormsShape
  /** A text or number, or something else. */
  | { readonly type: 'either'; readonly plain: Shape; readonly other: Shape };

/** What has no parts. */
export type PlainShape =
  | { readonly type: 'text' }
  /** Letters, digits and a few signs: it stands in file names and traces. */
  | { readonly type: 'name' }
  | { readonly type: 'flag' }
  | { readonly type: 'whole'; readonly least: number; readonly most: number }
  /** A plain number; a probability, a share. */
  | { readonly type: 'number'; readonly least: number; readonly most: number }
  /** A number and a unit: `10 ms`, `100 Mbit/s`, `1.5 MB`. */
  | {
      readonly type: 'quantity';
      readonly unit: Unit;
      readonly least: number;
      readonly most?: number;
    }
  | { readonly type: 'choice'; readonly values: readonly (string | number)[] };

export interface RecordShape {
  readonly type: 'record';
  readonly fields: Fields;
}

export interface VariantShape {
  readonly type: 'variant';
  readonly kinds: Readonly<Record<string, Fields>>;
}

export interface FormsShape {
  readonly type: 'forms';
  readonly forms: Readonly<Record<string, Fields>>;
}

export type Fields = Readonly<Record<string, Field>>;

export interface Field {
  readonly shape: Shape;
  readonly help: string;
  /** The name in the program; that of the file without. */
  readonly as?: string;
  readonly isRequired?: boolean;
  /** What it is when it is left out, for people: the program knows by itself. */
  readonly otherwise?: string;
}

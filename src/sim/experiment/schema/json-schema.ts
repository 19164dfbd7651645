/** A shape as JSON Schema (draft 2020-12), for editors. */
import { unitsOf } from './quantity.ts';
import type { Field, Fields, Shape } from './shape.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export function jsonSchemaOf(shape: Shape): JsonSchema {
  switch (shape.type) {
    case 'any':
      return {};
    case 'text':
      return { type: 'string' };
    case 'name':
      return { type: ['string', 'integer'], pattern: '^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$' };
    case 'flag':
      return { type: 'boolean' };
    case 'whole':
      return { type: 'integer', minimum: shape.least, maximum: shape.most };
    case 'number':
      return { type: 'number', minimum: shape.least, maximum: shape.most };
    case 'quantity': {
      const units = unitsOf(shape.unit).join('|');
      const text = { type: 'string', pattern: `^\\s*(\\d+(\\.\\d+)?|\\.\\d+)\\s*(${units})\\s*$` };
      const whole = {
        type: 'integer',
        minimum: 0,
        ...(shape.unit === 'size' ? {} : { maximum: 0 }),
      };
      return { anyOf: [text, whole] };
    }
    case 'choice':
      return { enum: shape.values };
    case 'list':
      return {
        ...{ type: 'array', items: jsonSchemaOf(shape.of) },
        ...(shape.least === undefined ? {} : { minItems: shape.least }),
        ...(shape.most === undefined ? {} : { maxItems: shape.most }),
      };
    case 'map':
      return { type: 'object', additionalProperties: jsonSchemaOf(shape.of) };
    case 'record':
      return objectOf(shape.fields, {});
    case 'variant':
      return {
        oneOf: Object.entries(shape.kinds).map(([kind, fields]) =>
          objectOf(fields, { kind: { const: kind } }),
        ),
      };
    case 'forms':
      return { oneOf: Object.values(shape.forms).map((fields) => objectOf(fields, {})) };
    case 'either':
      return { anyOf: [jsonSchemaOf(shape.plain), jsonSchemaOf(shape.other)] };
  }
}

function objectOf(fields: Fields, first: Readonly<Record<string, JsonSchema>>): JsonSchema {
  const required = Object.keys(fields).filter((name) => fields[name]!.isRequired === true);
  const described = Object.entries(fields).map(([name, field]) => [name, describe(field)]);
  return {
    type: 'object',
    properties: { ...first, ...Object.fromEntries(described) },
    required: [...Object.keys(first), ...required],
    additionalProperties: false,
  };
}

function describe({ shape, help, otherwise }: Field): JsonSchema {
  const text = otherwise === undefined ? help : `${help} Default: ${otherwise}.`;
  return { description: text, ...jsonSchemaOf(shape) };
}

// A worker does not inherit the loader that compiles TypeScript: this registers it, then goes on.
import { register } from 'tsx/esm/api';

register();
await import('./lifetime-child.ts');

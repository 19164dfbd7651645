/** Started by start.ts inside a namespace, with what it decided as the one argument. */
import { main, type StartOptions } from './inside.ts';

await main(JSON.parse(process.argv[2]!) as StartOptions);

/** Started by start.ts inside a namespace, with what it decided as the one argument. */
import { endWithOutput } from '../command/failure.ts';
import { main, type StartOptions } from './inside.ts';

endWithOutput();
await main(JSON.parse(process.argv[2]!) as StartOptions);

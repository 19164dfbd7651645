/** `/` and `/bytes/N` over the kernel's sockets: `node linux-http-child.ts ADDRESS PORT`, a child with a channel. */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { bytesAsked, httpPattern, patternAt } from '../command/http-page.ts';

const pattern = httpPattern();

function* parts(bytes: number): Generator<Uint8Array> {
  for (let done = 0; done < bytes; ) {
    const part = patternAt(pattern, done, bytes - done);
    yield part;
    done += part.length;
  }
}

const server = createServer((request, response) => {
  const bytes = bytesAsked(request.url ?? '/');
  if (bytes < 0) {
    response.end('This is Linux.\n');
    return;
  }
  response.setHeader('Content-Length', bytes);
  Readable.from(parts(bytes), { objectMode: false, highWaterMark: 1 << 20 }).pipe(response);
});
server.listen(Number(process.argv[3]), process.argv[2], () => process.send!('listening'));
process.on('disconnect', () => process.exit());

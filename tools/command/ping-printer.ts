import { eventLine, floodMark, headerLine, summaryText } from './ping-format.ts';
import type { PingRequest } from './ping-request.ts';
import type { PingEvent } from './ping-run.ts';
import type { PingSummary } from './ping-stats.ts';

export interface PrintOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  /** -D: the time of day before each line. */
  readonly hasTimes: boolean;
}

/** What ping prints: lines as they come, dots for a flood, or one JSON object at the end. */
export class PingPrinter {
  private readonly request: PingRequest;
  private readonly options: PrintOptions;
  private readonly replies: object[] = [];
  private readonly errors: object[] = [];
  private isRefused = false;

  constructor(request: PingRequest, options: PrintOptions) {
    this.request = request;
    this.options = options;
  }

  /** A flood's dots need to know of every request. */
  get wantsSent(): boolean {
    return this.request.isFlood && !this.isSilent && !this.options.isJson;
  }

  /** Nothing is shown of single packets. A flood in JSON would only be long. */
  get isSilent(): boolean {
    return this.options.isQuiet || (this.request.isFlood && this.options.isJson);
  }

  begin(): void {
    if (!this.options.isJson) console.log(headerLine(this.request.destination, this.request.size));
  }

  event(event: PingEvent): void {
    if (event.type === 'refused' && event.code !== 'EMSGSIZE') this.isRefused = true;
    if (this.options.isJson) this.collect(event);
    else if (event.type === 'refused') console.error(eventLine(event));
    else if (this.isSilent) return;
    else if (this.request.isFlood) process.stdout.write(floodMark(event));
    else this.print(eventLine(event));
  }

  /** True when the stack could not send at all: that is an error, not an answer. */
  end(summary: PingSummary): boolean {
    if (this.options.isJson) {
      const { destination, size } = this.request;
      const single = this.isSilent ? {} : { replies: this.replies, error_replies: this.errors };
      const refused = this.isRefused ? { error: 'not sent', code: this.refusedCode } : {};
      console.log(JSON.stringify({ destination, size, ...summary, ...single, ...refused }));
    } else if (!this.isRefused || summary.received > 0) {
      console.log(summaryText(this.request.destination, summary));
    }
    return this.isRefused && summary.received === 0;
  }

  private refusedCode = '';

  private collect(event: PingEvent): void {
    if (event.type === 'refused') this.refusedCode = event.code;
    if (this.isSilent || event.type === 'sent') return;
    if (event.type === 'reply') {
      const { type: _, rttNs, ...rest } = event;
      this.replies.push({ ...rest, time: rttNs / 1e6 });
    } else {
      const { type: _, ...rest } = event;
      this.errors.push(event.type === 'error' ? { ...rest, text: eventLine(event) } : rest);
    }
  }

  private print(line: string): void {
    if (line === '') return;
    const time = this.options.hasTimes ? `[${(Date.now() / 1000).toFixed(6)}] ` : '';
    console.log(time + line);
  }
}

/** pyqueue on a page: a durable queue of writes. All times are Unix time in seconds, all durations seconds. */

export type Status = "pending" | "sending" | "done" | "failed" | "cancelled" | "expired";

/** What is known about a job's effect on the server. */
export type Certainty = "never_sent" | "maybe_applied" | "applied" | "rejected";

/** A plain object of what can be stored: text, numbers, booleans, `null`, arrays, objects, `Blob`s, buffers. */
export type Payload = { [name: string]: any };

export interface JobError {
  /** A word to branch on: `http`, `network`, `offline`, `timeout`, `unauthorized`, `rejected`, `exception`, ... */
  code: string;
  /** One sentence for a person: the server's own, where it gave one. */
  message: string;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The first characters of the answer's body. */
  body?: string;
}

/** A request that a job carries itself, instead of naming a declared task. */
export interface JobRequest {
  /** Absolute, or relative to the page. */
  url: string;
  /** `POST` by default. */
  method?: string;
  headers?: { [name: string]: string };
  /** Text, a JSON-able value, a `Blob` or `FormData`. */
  body?: any;
}

export interface Options {
  /** Jobs with one key are delivered in order; `null`: no order. Default: the task's own, else the whole queue's. */
  orderingKey?: string | null;
  /** Sent with every attempt; made up where it is left out. 1 to 255 printable ASCII characters. */
  idempotencyKey?: string;
  /** At most one job with this key waits. */
  uniqueKey?: string;
  /** Whether the waiting job with the unique key stays, or this one takes its place. Default: the task's own. */
  onConflict?: "keep" | "replace";
  /** Seconds before the first attempt. */
  delay?: number;
  /** Seconds after which it is not sent any more. */
  expires?: number;
  /** Seconds for one request. */
  timeout?: number;
  /** Overrides of the task's policy; `base` and `cap` in seconds. */
  retry?: { maxAttempts?: number; base?: number; cap?: number };
}

export interface Explanation {
  /** `done`, `sending`, `failed`, `cancelled`, `expired`, `paused`, `control`, `unauthorized`, `worker_failed`,
   * `offline`, `not_admitted`, `behind`, `delayed`, `backoff` or `due`. */
  code: string;
  /** One sentence for a person. */
  message: string;
  /** When the wait ends, where it has an end. */
  until?: number;
  /** The id of the job that has to go first. */
  behind?: string;
}

/** A job, as it was when it was read. */
export interface Job {
  readonly id: string;
  /** The declared name; absent for a job with its own request. */
  readonly task?: string;
  readonly payload: Payload;
  readonly status: Status;
  readonly certainty: Certainty;
  /** Attempts spent. */
  readonly attempts: number;
  /** Why the last attempt did not succeed, or why the job ended. */
  readonly error?: JobError;
  readonly orderingKey?: string;
  readonly idempotencyKey: string;
  readonly createdAt: number;
  readonly settledAt?: number;
  /** Reads the job again. Rejects with `UnknownJob` if it was pruned. */
  refresh(): Promise<this>;
  /** Waits for the end. Rejects with `JobFailed` if that is not `done`. */
  result(): Promise<any>;
  /** What it waits for, or how it ended. */
  explain(): Promise<Explanation>;
}

export interface Filter {
  status?: Status | Status[];
  task?: string;
  orderingKey?: string;
  /** At most so many, the first enqueued first. */
  limit?: number;
}

export interface WorkerState {
  /** `service-worker`, or `worker` where there can be none. */
  mode: "service-worker" | "worker" | "none";
  /** `failed`: it cannot run, and `error` says why. */
  state: string;
  error?: { name: string; message: string };
}

export interface Stats {
  /** Stored jobs by status. */
  depth: { [status in Status]: number };
  inFlight: number;
  /** Ever made. */
  attempts: number;
  /** Attempts after the first of a job. */
  retries: number;
  /** Jobs that ever ended `failed`. */
  permanentFailures: number;
  /** Settled jobs deleted after their retention, and failed ones among what was deleted. */
  pruned: number;
  prunedFailed: number;
  /** Seconds; `null`: none waits. */
  oldestPendingAge: number | null;
  /** Whether the queue is held; `holds` says why: `paused`, `unauthorized`, `control`. */
  paused: boolean;
  holds: { [kind: string]: { reason: string; since: number } };
  /** When there is work next, as the worker left it. */
  nextWakeUp: number | null;
  /** Payload bytes of the jobs not yet settled. */
  bytes: number;
  /** What `enqueue` allows: bytes of one payload, jobs not yet settled, and bytes of their payloads. */
  limits: { payloadBytes: number; jobs: number; bytes: number };
  /** Whether the browser promised to keep the site's data; `null`: it does not say. */
  durable: boolean | null;
  online: boolean;
  /** Whether Background Sync is armed; `null`: not tried yet. */
  backgroundSync: boolean | null;
  worker: WorkerState;
}

/** Something changed. `type`: `appended`, `changed`, `idle`, `worker`, `online` or `offline`. */
export interface Change {
  type: string;
  jobs?: { id: string; status?: Status; task?: string }[];
  [name: string]: any;
}

export interface Pyqueue {
  /** Resolves once it is known which worker there is. `enqueue` does not wait for it. */
  readonly ready: Promise<void>;
  /**
   * Stores a job; resolves when it is on disk. Rejects with `PayloadTooLarge`, `QueueFull`, `QuotaExceeded`,
   * `InvalidPayload`, `NotSupported` or `StoreError`: then nothing was written.
   */
  enqueue(task: string, payload?: Payload | FormData, options?: Options): Promise<Job>;
  enqueue(request: JobRequest, options?: Options): Promise<Job>;
  /** Stores several jobs in this order, all or none. */
  enqueueMany(
    jobs: (
      | [task: string, payload?: Payload | FormData, options?: Options]
      | [request: JobRequest, options?: Options]
      | { task: string; payload?: Payload | FormData; options?: Options }
      | { request: JobRequest; options?: Options }
    )[],
  ): Promise<Job[]>;
  jobs(filter?: Filter): Promise<Job[]>;
  /** `null`: there is none, or its retention is over. */
  job(id: string): Promise<Job | null>;
  stats(): Promise<Stats>;
  /** Calls a function at every change; returns what ends it. */
  subscribe(listener: (change: Change) => void): () => void;
  /** "Retry now": one failed job, or all of them. Like all that follow, resolves when the command is on disk. */
  retry(id?: string): Promise<void>;
  cancel(id: string): Promise<void>;
  discard(id: string): Promise<void>;
  /** Replaces a failed job's payload and tries it again. */
  edit(id: string, payload: Payload | FormData): Promise<void>;
  /** Holds the queue, across restarts. */
  pause(reason?: string): Promise<void>;
  /** Ends a pause, and the hold after a missing sign-in. */
  resume(): Promise<void>;
  /** Sends what waits now, whatever its backoff. */
  flush(): Promise<void>;
}

export class PyqueueError extends Error {}
export class PayloadTooLarge extends PyqueueError {}
export class QueueFull extends PyqueueError {}
export class QuotaExceeded extends PyqueueError {}
export class InvalidPayload extends PyqueueError {}
export class NotSupported extends PyqueueError {}
export class StoreError extends PyqueueError {}
export class UnknownJob extends PyqueueError {}
export class JobFailed extends PyqueueError {
  readonly status: Status;
  readonly error?: JobError;
}

export const pyqueue: Pyqueue;
export default pyqueue;

declare global {
  interface Window {
    pyqueue: Pyqueue;
  }
  interface HTMLElementTagNameMap {
    "pyqueue-status": HTMLElement;
  }
  interface HTMLElementEventMap {
    "pyqueue:enqueued": CustomEvent<{ job: Job }>;
    "pyqueue:error": CustomEvent<{ error: Error }>;
  }
}

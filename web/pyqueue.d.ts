/** pyqueue on a page: a durable queue of writes. All times are Unix time in seconds, all durations seconds. */

export type Status = "pending" | "sending" | "done" | "failed" | "cancelled" | "expired";

/** What is known about a job's effect on the server. */
export type Certainty = "never_sent" | "maybe_applied" | "applied" | "rejected";

/**
 * A plain object of text, finite numbers, booleans, `null`, arrays and plain objects of these, at most 100 deep.
 * Files (`Blob`, `File`) may be fields of the payload itself, or stand in an array that is such a field. Fields
 * that are `undefined` are left out. Anything else is refused with `InvalidPayload`, which names its place.
 */
export type Payload = { [name: string]: any };

/** Why an attempt, or the job, did not succeed. */
export type ErrorCode =
  | "network"
  | "offline"
  | "timeout"
  | "http"
  | "unauthorized"
  | "no_token"
  | "locked"
  | "key_lost"
  | "damaged"
  | "rejected"
  | "retry_later"
  | "exception"
  | "unknown_task"
  | "template"
  | "interrupted"
  | "expired"
  | "cancelled"
  | "discarded"
  | "superseded";

/** Why the whole queue is held. */
export type HoldKind = "paused" | "unauthorized" | "kill_switch";

export interface JobError {
  /** A word to branch on; a task's own `fail` may give another. */
  code: ErrorCode | (string & {});
  /** One sentence for a person: the server's own, where it gave one. */
  message: string;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The first characters of the answer's body. */
  body?: string;
}

/** What a person asked for last that could not be done: an edit that came after the delivery, say. */
export interface Refusal {
  command: "cancel" | "retry" | "discard" | "edit";
  /** One sentence for a person. */
  message: string;
  at: number;
}

/** A request that a job carries itself, instead of naming a declared task. */
export interface JobRequest {
  /** Absolute, or relative to the site's root. It leads to the site's own origin, or to one that is declared. */
  url: string;
  /** `POST` by default. */
  method?: string;
  /** None is a secret (`Authorization`, `Cookie`, a CSRF token): these are added when the request leaves. */
  headers?: { [name: string]: string };
  /** Text, bytes, a `Blob`, `FormData`, or what may stand in a payload; an object's own fields may be files. */
  body?: any;
}

export interface Options {
  /**
   * Jobs with one key are delivered in order; `null`: no order. Default: the task's own, else the whole queue's. At
   * most 1,000 characters, as `uniqueKey`.
   */
  orderingKey?: string | null;
  /** Sent with every attempt; made up where it is left out. 1 to 255 printable ASCII characters. */
  idempotencyKey?: string;
  /** At most one job with this key waits. */
  uniqueKey?: string;
  /** Whether the waiting job with the unique key stays, or this one takes its place. Default: the task's own. */
  onConflict?: "keep" | "replace";
  /** Seconds before the first attempt; at most ten years, as `expires`. */
  delay?: number;
  /** Seconds after which it is not sent any more. */
  expires?: number;
  /** Seconds for one request; at most a day, as `base` and `cap`. */
  timeout?: number;
  /** Overrides of the task's policy; `base` and `cap` in seconds. */
  retry?: { maxAttempts?: number; base?: number; cap?: number };
}

/** What a job waits for, or how it ended. */
export type ExplanationCode =
  | "done"
  | "sending"
  | "failed"
  | "cancelled"
  | "expired"
  | HoldKind
  /** The worker cannot start; `stats().worker` says why. */
  | "worker_failed"
  | "offline"
  /** Somebody else wrote it: it waits until they sign in again. */
  | "sealed"
  /** Stored; the worker has not seen it yet. */
  | "not_admitted"
  /** Another job has to go first. */
  | "behind"
  /** The server fails job after job: only one of them tries, until the server is back. */
  | "outage"
  /** Its `delay` is not over. */
  | "delayed"
  /** There is no CSRF token or auth token to send it with. */
  | "no_token"
  /** It is encrypted by a secret that nobody has given: it waits for `unlock`. */
  | "locked"
  /** Its last attempt did not succeed. */
  | "backoff"
  | "due";

export interface Explanation {
  code: ExplanationCode;
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
  /** What a person asked for last that could not be done. */
  readonly refusal?: Refusal;
  readonly orderingKey?: string;
  readonly idempotencyKey: string;
  readonly createdAt: number;
  readonly settledAt?: number;
  /** It is somebody else's than of whoever is signed in: nothing else is told of it. */
  readonly sealed: boolean;
  /**
   * Whether what was encrypted could be opened: not if it is `locked` (see `unlock`), its key is lost, its record was
   * changed, or only the `server` opens it. Then of the payload there is what stays legible. Absent: it is not encrypted.
   */
  readonly encryption?: "open" | "locked" | "key_lost" | "damaged" | "server";
  /** What it waited for, or how it had ended, when it was read by `jobs({explain: true})` or explained last. */
  readonly explanation?: Explanation;
  /** Reads the job again. Rejects with `UnknownJob` if it was pruned. */
  refresh(): Promise<this>;
  /** Waits for the end. Rejects with `JobFailed` if that is not `done`. */
  result(): Promise<any>;
  /** Reads the job again and says what it waits for, or how it ended. Rejects with `UnknownJob` if it was pruned. */
  explain(): Promise<Explanation>;
}

/**
 * Which jobs to list. With a `limit` no more are read than needed: with `status`, and with `orderingKey` for jobs that
 * wait, that is as many as the limit, however many are stored. With `task`, and with `orderingKey` for jobs that have
 * ended, jobs are read until enough were found.
 */
export interface Filter {
  status?: Status | Status[];
  task?: string;
  orderingKey?: string;
  /** At most so many, the first enqueued first. Without it, all; read in steps, between which the worker goes on. */
  limit?: number;
  /** The last enqueued first; with a `limit`, the last so many. */
  reverse?: boolean;
  /** Gives each its `explanation`, at the cost of one read for all. */
  explain?: boolean;
}

export interface WorkerState {
  /** `service-worker`, or `worker` where there can be none. */
  mode: "service-worker" | "worker" | "none";
  /** `starting`, `installing`, `installed`, `idle`, `booting`, `ready`, or `failed`: `error` says why. */
  state: string;
  error?: { name: string; message: string };
  /** How Python came to run: restored from the memory that an earlier boot has kept, or cold, for this `reason`. */
  boot?: { restored: boolean; reason?: string; milliseconds: number };
}

export interface Stats {
  /** Stored jobs by status, of whoever is signed in. */
  depth: { [status in Status]: number };
  inFlight: number;
  /** Ever made. */
  attempts: number;
  /** Attempts after the first of a job. */
  retries: number;
  /** Jobs that ever ended `failed`. */
  permanentFailures: number;
  /** Commands that came too late or could not be carried out: `job.refusal` says why. */
  refused: number;
  /** Settled jobs deleted after their retention, and failed ones among what was deleted. */
  pruned: number;
  prunedFailed: number;
  /** Records that could not be read, up to 1,000; they keep no other job waiting. `setAside()` shows them. */
  setAside: number;
  /** Jobs of others that were not delivered: they wait until their authors sign in again. */
  sealed: number;
  /** Seconds; `null`: none waits. */
  oldestPendingAge: number | null;
  /** Whether the queue is held; `holds` says why. */
  paused: boolean;
  holds: { [kind in HoldKind]?: { reason: string; since: number } };
  /** Where people sign in, if the site declares it: a path. */
  login: string | null;
  /** The server fails job after job, so that only one of them tries, at `nextTryAt`; `null`: it does not. */
  outage: { code: string; message: string; since: number; nextTryAt: number } | null;
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

/** What became of a job when its author signed out. */
export interface Left {
  id: string;
  task?: string;
  became: "sent" | "kept" | "discarded" | "failed";
}

/** A record that could not be read, as it was found. */
export interface SetAside {
  from: "inbox" | "jobs";
  reason: string;
  at: number;
  record: unknown;
}

/** What the site declares of its queue; the server writes it into pyqueue.js. */
export interface Declaration {
  limits?: { payload_bytes?: number; jobs?: number; bytes?: number };
  tasks?: {
    [name: string]: {
      label?: string | null;
      /** Payloads, results and error bodies are encrypted on the disk. */
      encrypt?: "device" | "secret";
      /** How the body is encoded that is sealed to the server. */
      seal?: "auto" | "json" | "form" | "multipart";
      /** The fields of an encrypted payload that stay legible. */
      clear?: string[];
    };
  };
  /** Where the site's forms and requests bear a CSRF token. */
  csrf?: { header: string; field?: string };
  /** Where people sign in. */
  login?: string;
  /** Besides the site's own, to which requests may go. */
  origins?: string[];
  /** Whether anything is encrypted. */
  encrypts?: boolean;
  /** For jobs with a request of their own. */
  encrypt?: "device" | "secret";
  /** The server's public key. */
  server_key?: string;
}

/** Something changed. `type`: `appended`, `changed`, `identified`, `idle`, `worker`, `online` or `offline`. */
export interface Change {
  type: string;
  jobs?: { id: string; status?: Status; task?: string }[];
  [name: string]: any;
}

export interface Pyqueue {
  /** Resolves once it is known which worker there is; asking for it installs it at once. `enqueue` does not wait for it. */
  readonly ready: Promise<void>;
  /**
   * Stores a job; resolves when it is on disk. Rejects with `PayloadTooLarge`, `QueueFull`, `QuotaExceeded`,
   * `InvalidPayload`, `UnknownTask`, `Locked`, `NotSupported` or `StoreError`: then nothing was written.
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
  /**
   * Asks the browser to keep the queue also when room gets short: whether it will. `null`: it asks the person, and
   * `stats().durable` will tell.
   */
  persist(): Promise<boolean | null>;
  /** The first 50 records that could not be read. */
  setAside(): Promise<SetAside[]>;
  /**
   * Says who is signed in, from here on, by a stable id; `null`: nobody. What others wrote is neither sent nor shown
   * until they are back. `hash`: only a digest of the id is stored and sent. Resolves when it is on disk.
   */
  identify(user: string | number | null, options?: { hash?: boolean }): Promise<void>;
  /** Who is signed in, as stored: the id, or its digest; empty: nobody. */
  principal(): Promise<string>;
  /**
   * Signs the person out of the queue; to be called before their session ends. What was not delivered is kept until
   * they are back (the default), sent first, or discarded. Sending, or deleting, may take `timeout` seconds (10).
   */
  signOut(options?: { waiting?: "keep" | "send" | "discard"; timeout?: number }): Promise<Left[]>;
  /**
   * Forgets one person's jobs and results; by default those of whoever is signed in, who then is no more. Resolves when
   * that is on disk; the worker carries it out.
   */
  clear(principal?: string): Promise<void>;
  /**
   * Gives the secret of which the key for tasks with `encrypt="secret"` is made: a passphrase, or at least 16 random
   * bytes. It is not stored; the key is held in memory by the open pages and the worker. Rejects with `Locked` if it is
   * another secret than before; with `replace` that is then for what is written from now on, and what was written
   * before waits for its own. What waited goes on.
   */
  unlock(secret: string | Uint8Array, options?: { replace?: boolean }): Promise<void>;
  /** What a person calls the tasks that have a label. */
  labels(): Promise<{ [task: string]: string }>;
  /** Calls a function at every change; returns what ends it. */
  subscribe(listener: (change: Change) => void): () => void;
  /**
   * "Retry now": one failed job, or all of them. Like all that follow, resolves when the command is on disk. The
   * worker carries it out, or refuses it: `job.refusal` then says why.
   */
  retry(id?: string): Promise<void>;
  /** Takes back a job that was not delivered yet; one that is being sent, if its attempt does not succeed. */
  cancel(id: string): Promise<void>;
  /** Gives a job up that was not delivered. */
  discard(id: string): Promise<void>;
  /**
   * Replaces the payload of a job that was not delivered yet, and tries a failed one again. While it is being sent,
   * the edit is applied if the attempt does not succeed.
   */
  edit(id: string, payload: Payload | FormData): Promise<void>;
  /** Holds the queue, across restarts. */
  pause(reason?: string): Promise<void>;
  /** Ends a pause, and the hold after a missing sign-in. */
  resume(): Promise<void>;
  /** Sends what waits now, whatever its backoff. */
  flush(): Promise<void>;
  /** Called by the line that the server appends to pyqueue.js. */
  declare(declaration: Declaration): void;
}

export class PyqueueError extends Error {}
export class PayloadTooLarge extends PyqueueError {}
export class QueueFull extends PyqueueError {}
export class QuotaExceeded extends PyqueueError {}
export class InvalidPayload extends PyqueueError {}
export class UnknownTask extends PyqueueError {}
export class NotSupported extends PyqueueError {}
export class StoreError extends PyqueueError {}
/** The secret that encrypts was not given, or is another one. */
export class Locked extends PyqueueError {}
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

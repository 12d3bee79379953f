/** Holds pyqueue.d.ts against the code. Checked by tsc; never run, never shipped. */

import type { Client } from "./page/client.js";
import type * as errors from "./page/errors.js";
import type * as explain from "./page/explain.js";
import type { Job } from "./page/job.js";
import type { Filter } from "./page/list.js";
import type { Options } from "./page/options.js";
import type * as records from "./page/records.js";
import type { WorkerState } from "./page/worker.js";
import type * as declared from "./pyqueue.js";
import type * as vocabulary from "./vocabulary.js";

/** `true` if each is assignable to the other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Fits<A, B> = [A] extends [B] ? true : false;
type Answer<Method extends (...args: any) => any> = Awaited<ReturnType<Method>>;

/** Each line is refused by the compiler unless it is `true`. */
function check<_ extends true>(): void {}

check<Same<declared.Status, vocabulary.Status>>();
check<Same<declared.Certainty, vocabulary.Certainty>>();
check<Same<declared.ErrorCode, vocabulary.ErrorCode>>();
check<Same<declared.HoldKind, vocabulary.HoldKind>>();
check<Same<declared.Refusal, records.Refusal>>();
check<Same<declared.ExplanationCode, explain.ExplanationCode>>();
check<Same<declared.Explanation, explain.Explanation>>();
check<Same<declared.JobError, records.JobError>>();
check<Same<declared.Declaration, records.Declaration>>();
check<Same<declared.Options, Options>>();
check<Same<declared.Filter, Filter>>();
check<Same<declared.WorkerState, WorkerState>>();

// What is declared of `pyqueue` and its jobs is there, and nothing else is.
check<Fits<Client, declared.Pyqueue>>();
check<Same<keyof declared.Pyqueue, keyof Client>>();
check<Fits<Job, declared.Job>>();
check<Same<keyof declared.Job | "toJSON", keyof Job>>();
check<Same<declared.Stats, Answer<Client["stats"]>>>();
check<Same<declared.SetAside[], Answer<Client["setAside"]>>>();

// The errors.
type Classes<Module> = { [name in keyof Module as Module[name] extends new (...args: any) => Error ? name : never]: 0 };
check<Same<keyof Classes<typeof declared>, keyof Classes<typeof errors>>>();
check<Fits<errors.JobFailed, declared.JobFailed>>();

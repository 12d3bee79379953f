/**
 * The words and numbers on which Python and JavaScript must agree.
 * Made from pyqueue/_vocabulary.py by build.py: change that file instead.
 */

/** @typedef {"pending" | "sending" | "done" | "failed" | "cancelled" | "expired"} Status */

export const STATUSES = /** @type {const} */ (["pending", "sending", "done", "failed", "cancelled", "expired"]);

export const SETTLED = /** @type {const} */ (["done", "failed", "cancelled", "expired"]);

/** @typedef {"never_sent" | "maybe_applied" | "applied" | "rejected"} Certainty */

export const CERTAINTIES = /** @type {const} */ (["never_sent", "maybe_applied", "applied", "rejected"]);

/** @typedef {"enqueue" | "cancel" | "retry" | "discard" | "edit" | "pause" | "resume" | "flush" | "identify" | "clear"} CommandType */

export const COMMAND_TYPES = /** @type {const} */ (["enqueue", "cancel", "retry", "discard", "edit", "pause", "resume", "flush", "identify", "clear"]);

/** @typedef {"network" | "offline" | "timeout" | "http" | "unauthorized" | "no_token" | "locked" | "key_lost" | "damaged" | "rejected" | "retry_later" | "exception" | "unknown_task" | "template" | "interrupted" | "expired" | "cancelled" | "discarded" | "superseded"} ErrorCode */

export const ERROR_CODES = /** @type {const} */ (["network", "offline", "timeout", "http", "unauthorized", "no_token", "locked", "key_lost", "damaged", "rejected", "retry_later", "exception", "unknown_task", "template", "interrupted", "expired", "cancelled", "discarded", "superseded"]);

export const UNREACHABLE = /** @type {const} */ (["network", "offline", "timeout"]);

/** @typedef {"paused" | "unauthorized" | "kill_switch"} HoldKind */

export const HOLD_KINDS = /** @type {const} */ (["paused", "unauthorized", "kill_switch"]);

/** @typedef {"device" | "secret"} Encryption */

export const ENCRYPTIONS = /** @type {const} */ (["device", "secret"]);

/** @typedef {"keep" | "replace"} OnConflict */

export const ON_CONFLICTS = /** @type {const} */ (["keep", "replace"]);

export const COMMAND_VERSION = 1;

export const MAX_DEPTH = 100;

export const MAX_SECONDS = 315360000.0;

export const MAX_TIMEOUT = 86400.0;

export const MAX_ATTEMPTS = 1000;

export const MAX_KEY = 255;

export const MAX_NAME = 1000;

export const MAX_RECORD = 67108864;

export const MAX_INTEGER = 9007199254740991;

export const MAX_IN_FLIGHT = 64;

export const MAX_BODY = 1048576;

export const DEFAULT_LIMITS = {"payload_bytes": 1048576, "jobs": 10000, "bytes": 104857600};

export const AUTH_HEADERS = /** @type {const} */ (["authorization", "proxy-authorization", "x-authorization", "x-auth-token", "x-access-token", "x-session-token", "x-amz-security-token", "x-api-key", "api-key", "apikey"]);

export const COOKIE_HEADERS = /** @type {const} */ (["cookie", "cookie2", "set-cookie", "set-cookie2"]);

export const TOKEN_HEADERS = /** @type {const} */ (["x-csrf-token", "x-csrftoken", "x-xsrf-token", "x-xsrftoken", "csrf-token", "xsrf-token", "x-csrf", "x-xsrf", "requestverificationtoken", "x-requestverificationtoken"]);

export const TOKEN_FIELDS = /** @type {const} */ (["csrfmiddlewaretoken", "csrf_token", "csrf-token", "csrftoken", "_csrf", "_csrf_token", "_xsrf", "xsrf_token", "_token", "authenticity_token", "__requestverificationtoken"]);

export const BATCH = 100;

export const SILENCE = 30.0;

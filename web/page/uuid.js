/**
 * A random UUID (RFC 9562, version 4), also on insecure pages: `crypto.randomUUID` is missing there.
 *
 * @returns {string}
 */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes.set([(bytes[6] & 0x0f) | 0x40], 6);
  bytes.set([(bytes[8] & 0x3f) | 0x80], 8);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
